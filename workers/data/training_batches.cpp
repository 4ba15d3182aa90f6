#include "workers/data/training_batches.hpp"

#include <utility>

#include "workers/data/augment.hpp"
#include "workers/data/sampler.hpp"
#include "workers/data/streamed_examples.hpp"

namespace edgesweep {
namespace {

class BatchesInMemory final : public TrainingBatches {
 public:
  BatchesInMemory(const Examples& train, std::unique_ptr<Sampler> sampler, std::unique_ptr<AugmentedBatch> augmented)
      : train_(train), sampler_(std::move(sampler)), augmented_(std::move(augmented)) {}

  const Examples& examples() const override { return augmented_ ? augmented_->examples() : train_; }

  std::span<const std::int64_t> batch(std::int64_t step) override {
    const auto rows = sampler_->batch(step);
    return augmented_ ? augmented_->draw(step, rows) : rows;
  }

 private:
  const Examples& train_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<AugmentedBatch> augmented_;  // null where images stay as they are
};

}  // namespace

std::unique_ptr<TrainingBatches> make_training_batches(const Json& dataset, const TrainTest& data, const BatchSettings& settings,
                                                       const StreamReader& reader) {
  if (data.train_stream) return data.train_stream->batches(settings, reader);
  return std::make_unique<BatchesInMemory>(
      data.train, make_sampler(settings.sampler, settings.key, data.train.count(), settings.batch_size),
      make_augmented_batch(dataset, data.train, settings.key, settings.batch_size));
}

}  // namespace edgesweep

#include "workers/data/image_stream.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "workers/data/philox.hpp"
#include "workers/data/prefetcher.hpp"
#include "workers/data/sampler.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t channels = 3;
constexpr int buffers = 3;

/// From decoded bytes to examples on a device.
class InputScale {
 public:
  InputScale(at::Device device, std::int64_t pixels) : pixels_(pixels) {
    const at::Tensor mean = at::tensor({0.485, 0.456, 0.406}, at::kDouble), deviation = at::tensor({0.229, 0.224, 0.225}, at::kDouble);
    factor_ = (1 / (255 * deviation)).to(at::kFloat).view({1, channels, 1}).to(device);
    shift_ = (-mean / deviation).to(at::kFloat).view({1, channels, 1}).to(device);
  }

  /// rows × F bytes into rows × F values.
  void write(const at::Tensor& bytes, const at::Tensor& inputs) const {
    const at::Tensor values = inputs.view({inputs.size(0), channels, pixels_});
    values.copy_(bytes.to(inputs.device()).view(values.sizes()));
    values.mul_(factor_).add_(shift_);
  }

 private:
  std::int64_t pixels_;
  at::Tensor factor_, shift_;
};

struct Stream {
  std::shared_ptr<const ImageSet> images;
  std::int64_t count;
  std::int64_t classes;
  ImageViews views;
  int threads;

  std::int64_t row_bytes() const { return channels * views.size * views.size; }

  /// `rows` examples that are all zero.
  Examples blank(std::int64_t rows, at::Device device) const {
    const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
    return {at::zeros({rows, row_bytes()}, options), at::zeros({rows, classes}, options),
            at::zeros({rows}, options.dtype(at::kLong))};
  }

  CropBox centre(std::int64_t width, std::int64_t height) const {
    return centre_crop(width, height, views.size, views.resize);
  }
};

/// Labels and targets of `rows` images into the first rows of `examples`, `smoothing` of each target spread over all classes.
void write_targets(const Stream& stream, std::span<const std::int64_t> rows, double smoothing, Examples& examples) {
  std::vector<std::int64_t> labels;
  labels.reserve(rows.size());
  for (const std::int64_t row : rows) labels.push_back(stream.images->label(row));
  const auto count = static_cast<std::int64_t>(rows.size());
  at::Tensor here = examples.labels.narrow(0, 0, count), targets = examples.targets.narrow(0, 0, count);
  here.copy_(at::tensor(labels, at::kLong));
  targets.fill_(smoothing / static_cast<double>(stream.classes));
  targets.scatter_(1, here.unsqueeze(1), 1 - smoothing + smoothing / static_cast<double>(stream.classes));
}

class StreamedBatches final : public TrainingBatches {
 public:
  StreamedBatches(const Stream& stream, const BatchSettings& settings, const StreamReader& reader)
      : stream_(stream),
        settings_(settings),
        part_(reader.part(settings.batch_size)),
        pinned_(reader.device.is_cuda()),
        scale_(reader.device, stream.views.size * stream.views.size),
        sampler_(make_sampler(settings.sampler, settings.key, stream.count, settings.batch_size)),
        examples_(stream.blank(settings.batch_size, reader.device)),
        rows_(buffers),
        all_rows_(static_cast<std::size_t>(settings.batch_size)) {
    std::iota(all_rows_.begin(), all_rows_.end(), 0);
  }

  const Examples& examples() const override { return examples_; }

  std::span<const std::int64_t> batch(std::int64_t step) override {
    if (step == step_) return all_rows_;
    if (part_.rows > 0) {
      if (!ahead_ || ahead_->next_block() != step) start(step);
      scale_.write(ahead_->next(), examples_.inputs.narrow(0, part_.first, part_.rows));
      write_targets(stream_, rows_of(step), settings_.label_smoothing, examples_);
    }
    step_ = step;
    return all_rows_;
  }

 private:
  std::vector<std::int64_t>& rows_of(std::int64_t step) { return rows_[static_cast<std::size_t>(step % buffers)]; }

  void start(std::int64_t step) {
    ahead_.reset();
    Prefetcher::Plan plan;
    plan.first_block = step;
    plan.end_block = std::numeric_limits<std::int64_t>::max() - buffers;
    plan.rows = part_.rows;
    plan.row_bytes = stream_.row_bytes();
    plan.threads = stream_.threads;
    plan.buffers = buffers;
    plan.pinned = pinned_;
    plan.begin = [this](std::int64_t block) {
      const auto batch = sampler_->batch(block);
      rows_of(block).assign(batch.begin(), batch.end());
    };
    plan.make = [this](std::int64_t block, std::int64_t row, std::uint8_t* out) {
      const std::int64_t place = part_.first + row;
      const std::int64_t image = rows_of(block)[static_cast<std::size_t>(place)];
      stream_.images->read(image, framing(block * settings_.batch_size + place), stream_.views.size, out);
    };
    ahead_ = std::make_unique<Prefetcher>(std::move(plan));
  }

  Framing framing(std::int64_t draw) const {
    return [this, draw](std::int64_t width, std::int64_t height) {
      if (!stream_.views.augment) return stream_.centre(width, height);
      RandomStream random(settings_.key, RandomUse::image_crop, static_cast<std::uint64_t>(draw));
      return random_resized_crop(width, height, stream_.views.min_area, stream_.views.flip, random);
    };
  }

  const Stream& stream_;
  BatchSettings settings_;
  RowRange part_;
  bool pinned_;
  InputScale scale_;
  std::unique_ptr<Sampler> sampler_;  // only in begin(), one block after the other
  Examples examples_;
  std::vector<std::vector<std::int64_t>> rows_;  // of the batches that are being made
  std::vector<std::int64_t> all_rows_;
  std::int64_t step_ = -1;
  std::unique_ptr<Prefetcher> ahead_;  // last: its threads use the others
};

class ImageStream final : public StreamedExamples {
 public:
  explicit ImageStream(Stream stream) : stream_(std::move(stream)) {}

  std::int64_t count() const override { return stream_.count; }

  void for_each_block(std::int64_t rows, const StreamReader& reader,
                      const std::function<void(const Examples&)>& visit) const override {
    rows = std::min(rows, stream_.count);
    if (rows == 0) return;
    const auto block_rows = [&](std::int64_t block) { return std::min(rows, stream_.count - block * rows); };
    const std::int64_t blocks = (stream_.count + rows - 1) / rows;
    const std::int64_t most = std::max(reader.part(rows).rows, reader.part(block_rows(blocks - 1)).rows);
    Prefetcher::Plan plan;
    plan.end_block = blocks;
    plan.rows = std::max<std::int64_t>(1, most);
    plan.row_bytes = stream_.row_bytes();
    plan.threads = stream_.threads;
    plan.buffers = buffers;
    plan.pinned = reader.device.is_cuda();
    plan.begin = [](std::int64_t) {};
    plan.make = [&](std::int64_t block, std::int64_t row, std::uint8_t* out) {
      const RowRange part = reader.part(block_rows(block));
      if (row >= part.rows) return;
      stream_.images->read(block * rows + part.first + row,
                           [&](std::int64_t width, std::int64_t height) { return stream_.centre(width, height); },
                           stream_.views.size, out);
    };
    const InputScale scale(reader.device, stream_.views.size * stream_.views.size);
    Prefetcher ahead(std::move(plan));
    std::vector<std::int64_t> images;
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t count = block_rows(block);
      const RowRange part = reader.part(count);
      Examples examples = stream_.blank(count, reader.device);
      const at::Tensor& bytes = ahead.next();
      if (part.rows > 0) {
        scale.write(bytes.narrow(0, 0, part.rows), examples.inputs.narrow(0, part.first, part.rows));
      }
      images.resize(static_cast<std::size_t>(count));
      std::iota(images.begin(), images.end(), block * rows);
      write_targets(stream_, images, 0, examples);
      visit(examples);
    }
  }

  std::unique_ptr<TrainingBatches> batches(const BatchSettings& settings, const StreamReader& reader) const override {
    return std::make_unique<StreamedBatches>(stream_, settings, reader);
  }

 private:
  Stream stream_;
};

}  // namespace

std::shared_ptr<const StreamedExamples> stream_images(std::shared_ptr<const ImageSet> images, std::int64_t count,
                                                      std::int64_t classes, const ImageViews& views, int threads) {
  return std::make_shared<ImageStream>(Stream{std::move(images), count, classes, views, threads});
}

Examples read_all(const StreamedExamples& stream) {
  Examples all;
  constexpr std::int64_t rows = 64;
  std::int64_t first = 0;
  stream.for_each_block(rows, {}, [&](const Examples& block) {
    if (!all.inputs.defined()) {
      all = {at::empty({stream.count(), block.inputs.size(1)}, at::kFloat), at::empty({stream.count(), block.targets.size(1)}, at::kFloat),
             at::empty({stream.count()}, at::kLong)};
    }
    all.inputs.narrow(0, first, block.count()).copy_(block.inputs);
    all.targets.narrow(0, first, block.count()).copy_(block.targets);
    all.labels.narrow(0, first, block.count()).copy_(block.labels);
    first += block.count();
  });
  return all;
}

}  // namespace edgesweep

#include "workers/data/augment.hpp"

#include <ATen/ATen.h>

#include <numeric>

#include "workers/data/philox.hpp"

namespace edgesweep {

void read_augment(ObjectReader& reader, std::int64_t side, Json& canonical) {
  if (!reader.has("augment")) return;
  ObjectReader settings = reader.object("augment");
  const std::int64_t crop = settings.integer("crop", 0, side - 1, 0);
  const bool flip = settings.boolean("flip", false);
  settings.finish();
  if (crop > 0 || flip) canonical["augment"] = {{"crop", crop}, {"flip", flip}};
}

AugmentedBatch::AugmentedBatch(Augment augment, ImageShape shape, const Examples& train, std::uint64_t key,
                               std::int64_t batch_size)
    : augment_(augment),
      shape_(shape),
      train_(train),
      key_(key),
      examples_{at::empty({batch_size, train.inputs.size(1)}, train.inputs.options()),
                at::empty({batch_size, train.targets.size(1)}, train.targets.options()), {}},
      moves_(static_cast<std::size_t>(batch_size)),
      all_rows_(static_cast<std::size_t>(batch_size)) {
  std::iota(all_rows_.begin(), all_rows_.end(), 0);
}

std::span<const std::int64_t> AugmentedBatch::draw(std::int64_t step, std::span<const std::int64_t> rows) {
  RandomStream stream(key_, RandomUse::augmentation, static_cast<std::uint64_t>(step));
  const auto places = static_cast<std::uint32_t>(2 * augment_.crop + 1);
  for (CropFlip& move : moves_) {
    if (augment_.crop > 0) {
      move.top = stream.below(places);
      move.left = stream.below(places);
    }
    if (augment_.flip) move.flip = stream.below(2) == 1;
  }
  const at::Tensor& inputs = train_.inputs;
  (inputs.is_cpu() ? crop_and_flip_cpu : crop_and_flip_aten)(inputs, shape_, augment_.crop, rows, moves_, examples_.inputs);
  const at::Tensor index = at::tensor(at::ArrayRef<std::int64_t>(rows.data(), rows.size()), at::kLong);
  at::index_select_out(examples_.targets, train_.targets, 0, index.to(inputs.device()));
  return all_rows_;
}

std::unique_ptr<AugmentedBatch> make_augmented_batch(const Json& dataset, const Examples& train, std::uint64_t key,
                                                     std::int64_t batch_size) {
  if (!dataset.contains("augment")) return nullptr;
  const Json& settings = dataset.at("augment");
  const auto shape = dataset_family(dataset.at("name").get<std::string>()).input_shape(dataset);
  return std::make_unique<AugmentedBatch>(
      Augment{settings.at("crop").get<std::int64_t>(), settings.at("flip").get<bool>()},
      ImageShape{shape.at(0), shape.at(1), shape.at(2)}, train, key, batch_size);
}

}  // namespace edgesweep

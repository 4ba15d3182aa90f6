#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "workers/data/dataset.hpp"
#include "workers/data/decode_threads.hpp"
#include "workers/data/image_set.hpp"
#include "workers/data/image_stream.hpp"

namespace edgesweep {
namespace {

/// Of the ILSVRC 2012 training and validation sets.
constexpr std::int64_t all_train = 1'281'167;
constexpr std::int64_t all_test = 50'000;
constexpr std::int64_t all_classes = 1000;
constexpr std::int64_t usual_size = 224;
constexpr std::int64_t usual_measured = 1024;

ImageViews views_of(const Json& canonical) {
  ImageViews views;
  views.size = canonical.at("size").get<std::int64_t>();
  views.resize = canonical.at("resize").get<std::int64_t>();
  views.augment = canonical.contains("augment");
  if (views.augment) {
    views.min_area = canonical.at("augment").at("min_area").get<double>();
    views.flip = canonical.at("augment").at("flip").get<bool>();
  }
  return views;
}

std::int64_t at(const Json& canonical, const char* key) { return canonical.at(key).get<std::int64_t>(); }

/// ImageNet (Russakovsky et al. 2015, "ImageNet large scale visual recognition challenge") or images in folders like its own:
/// train/CLASS/*.JPEG and val/CLASS/*.JPEG, or the packs made of them. Streamed: decoded as batches want them, the measured
/// examples, the first ones of the training set, kept in memory.
class ImageNet final : public DatasetFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"imagenet"});
    result["train"] = reader.integer("train", 1, 4'000'000'000, all_train);
    result["test"] = reader.integer("test", 0, 4'000'000'000, all_test);
    result["classes"] = reader.integer("classes", 2, 1'000'000, all_classes);
    const std::int64_t train = result["train"];
    result["measured"] = reader.integer("measured", 1, train, std::min(train, usual_measured));
    result["size"] = reader.integer("size", 8, 4096, usual_size);
    const std::int64_t size = result["size"];
    result["resize"] = reader.integer("resize", size, 8192, size * 8 / 7);
    result["broken"] = reader.choice("broken", {"leave_out", "error"}, "leave_out");
    if (reader.has("augment")) {
      ObjectReader settings = reader.object("augment");
      result["augment"] = {{"min_area", settings.number("min_area", Range{0, 1, true, false}, 0.08)},
                           {"flip", settings.boolean("flip", true)}};
      settings.finish();
    }
    reader.finish();
    return result;
  }

  std::int64_t train_count(const Json& canonical) const override { return at(canonical, "train"); }
  std::int64_t measured_count(const Json& canonical) const override { return at(canonical, "measured"); }
  std::vector<std::int64_t> input_shape(const Json& canonical) const override {
    return {3, at(canonical, "size"), at(canonical, "size")};
  }
  std::int64_t outputs(const Json& canonical) const override { return at(canonical, "classes"); }

  TrainTest load(const Json& canonical, const std::string& directory) const override {
    const Splits splits = open_splits(canonical, directory, false);  // the coordinator has named the broken ones
    const auto stream = [&](const std::shared_ptr<const ImageSet>& images, std::int64_t count) {
      return stream_images(images, count, outputs(canonical), views_of(canonical), decode_threads());
    };
    TrainTest data;
    data.train_stream = stream(splits.train, train_count(canonical));
    data.train = read_all(*stream(splits.train, measured_count(canonical)));
    if (splits.test) data.test_stream = stream(splits.test, at(canonical, "test"));
    data.test = {data.train.inputs.new_empty({0, data.train.inputs.size(1)}),
                 data.train.targets.new_empty({0, data.train.targets.size(1)}), data.train.labels.new_empty({0})};
    return data;
  }

  /// Which class has which output must not change.
  std::string check(const Json& canonical, const std::string& directory) const override {
    const std::vector<std::string> classes = open_splits(canonical, directory, true).classes;
    std::string names;
    for (const std::string& name : classes) names += name + "\n";
    return std::to_string(classes.size()) + " classes from " + classes.front() + " to " + classes.back() + ", sha256 " +
           sha256_hex(names).substr(0, 16);
  }

 private:
  struct Splits {
    std::vector<std::string> classes;
    std::shared_ptr<const ImageSet> train, test;  ///< test is null if none is wanted
  };

  /// `report`: broken files are named in the log. Throws InputError if folders or images are missing.
  static Splits open_splits(const Json& canonical, const std::string& directory, bool report) {
    Splits splits{image_classes(directory, "train"), nullptr, nullptr};
    const auto count = static_cast<std::int64_t>(splits.classes.size());
    if (count != at(canonical, "classes")) {
      throw InputError(directory, "has training images of " + std::to_string(count) + " classes; the sweep has " +
                                      std::to_string(at(canonical, "classes")) + " (experiment.dataset.classes)");
    }
    const BrokenFiles broken = canonical.at("broken") == "error" ? BrokenFiles::error : BrokenFiles::leave_out;
    const auto open = [&](const char* split, std::int64_t wanted) {
      return open_images(directory, split, {wanted, broken, report, decode_threads()}, splits.classes);
    };
    splits.train = open("train", at(canonical, "train"));
    if (at(canonical, "test") > 0) splits.test = open("val", at(canonical, "test"));
    return splits;
  }
};

const RegisterDataset registered{"imagenet", std::make_unique<ImageNet>()};

}  // namespace
}  // namespace edgesweep

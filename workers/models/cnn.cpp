#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/models/layered_model.hpp"

namespace edgesweep {
namespace {

/// The two small convolutional networks of the edge-of-stability papers. `layers` 2, with two convolutions (Cohen et al. 2021): twice a 3 × 3 convolution to 32 channels (padding 1), activation and 2 × 2
/// pooling, then one linear layer. `layers` 5, with five layers of weights (Andreyev & Beneventano 2024): 3 × 3 convolutions without padding to 64, 64,
/// pool, 128, pool, then linear to 512 and to the outputs.
class Cnn final : public LayeredModel {
 public:
  Cnn(const LayeredSettings& settings, std::int64_t layers, Activation activation, bool average)
      : LayeredModel(settings), deep_(layers == 5), activation_(activation), average_(average) {
    const std::int64_t channels = settings.input_shape[0];
    std::int64_t rows = settings.input_shape[1], columns = settings.input_shape[2];
    const auto shrink = [&](std::int64_t border) {
      rows = (rows - border) / 2;
      columns = (columns - border) / 2;
      if (rows < 1 || columns < 1) throw InputError("experiment.model", "cnn: the images are too small for it");
    };
    if (deep_) {
      convolutions_ = {convolution("conv1", channels, 64, 3), convolution("conv2", 64, 64, 3), convolution("conv3", 64, 128, 3)};
      shrink(4);
      shrink(2);
      hidden_ = linear("fc1", 128 * rows * columns, 512);
      head_ = linear("fc2", 512, outputs());
    } else {
      convolutions_ = {convolution("conv1", channels, 32, 3, 1, 1), convolution("conv2", 32, 32, 3, 1, 1)};
      shrink(0);
      shrink(0);
      head_ = linear("fc", 32 * rows * columns, outputs());
    }
  }

 private:
  at::Tensor pool(const at::Tensor& x) const { return average_ ? at::avg_pool2d(x, 2) : at::max_pool2d(x, 2); }

  at::Tensor run(LayerPass& pass, const at::Tensor& x) const override {
    at::Tensor h = x;
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
      h = activate(activation_, pass.convolution(convolutions_[i], h));
      if (!deep_ || i > 0) h = pool(h);
    }
    h = h.flatten(1);
    if (deep_) h = activate(activation_, pass.linear(hidden_, h));
    return pass.linear(head_, h);
  }

  bool deep_;
  Activation activation_;
  bool average_;
  std::vector<LayerIndex> convolutions_;
  LayerIndex hidden_ = no_layer, head_;
};

class CnnFamily final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"cnn"});
    result["layers"] = reader.integer("layers", 2, 5, 2);
    if (result["layers"] != 2 && result["layers"] != 5) reader.fail("layers", "is " + result["layers"].dump() + ", must be 2 or 5");
    result["activation"] = reader.choice("activation", activation_names(), "relu");
    result["pool"] = reader.choice("pool", {"max", "average"}, "max");
    read_layered_settings(reader, result, result["layers"] == 2 ? "pytorch" : "kaiming");
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_images("cnn", input_shape);
    return std::make_unique<Cnn>(layered_settings(canonical, input_shape, outputs), canonical.at("layers").get<std::int64_t>(),
                                 activation_named(canonical.at("activation")), canonical.at("pool") == "average");
  }
};

const RegisterModel registered{"cnn", std::make_unique<CnnFamily>()};

}  // namespace
}  // namespace edgesweep

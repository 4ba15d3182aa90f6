#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/models/layered_model.hpp"

namespace edgesweep {
namespace {

/// VGG, configuration A (Simonyan & Zisserman 2015), for images of 32 × 32: eight 3 × 3 convolutions with 2 × 2 max pooling
/// after the 1st, 2nd, 4th, 6th and 8th, a norm after each convolution if asked, three linear layers, no dropout.
class Vgg11 final : public LayeredModel {
 public:
  Vgg11(const LayeredSettings& settings, Activation activation) : LayeredModel(settings), activation_(activation) {
    std::int64_t in = settings.input_shape[0];
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string number = std::to_string(i + 1);
      convolutions_.push_back(convolution("conv" + number, in, widths[i], 3, 1, 1));
      norms_.push_back(norm("norm" + number, widths[i]));
      in = widths[i];
    }
    const std::int64_t features = in * (settings.input_shape[1] / 32) * (settings.input_shape[2] / 32);
    if (features < 1) throw InputError("experiment.model", "vgg11: takes images of at least 32 x 32");
    linears_ = {linear("fc1", features, 512), linear("fc2", 512, 512), linear("fc3", 512, outputs())};
  }

 private:
  inline static const std::vector<std::int64_t> widths{64, 128, 256, 256, 512, 512, 512, 512};

  at::Tensor run(LayerPass& pass, const at::Tensor& x) const override {
    at::Tensor h = x;
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
      h = activate(activation_, pass.norm(norms_[i], pass.convolution(convolutions_[i], h)));
      if (i < 2 || i % 2 == 1) h = at::max_pool2d(h, 2);
    }
    h = h.flatten(1);
    for (std::size_t i = 0; i + 1 < linears_.size(); ++i) h = activate(activation_, pass.linear(linears_[i], h));
    return pass.linear(linears_.back(), h);
  }

  Activation activation_;
  std::vector<LayerIndex> convolutions_, norms_, linears_;
};

class Vgg11Family final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"vgg11"});
    result["activation"] = reader.choice("activation", activation_names(), "relu");
    read_norm(reader, result, {"none", "batch", "group", "layer"});
    read_layered_settings(reader, result, "kaiming_fan_out");
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_images("vgg11", input_shape);
    return std::make_unique<Vgg11>(layered_settings(canonical, input_shape, outputs),
                                   activation_named(canonical.at("activation")));
  }
};

const RegisterModel registered{"vgg11", std::make_unique<Vgg11Family>()};

}  // namespace
}  // namespace edgesweep

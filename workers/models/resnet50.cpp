#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "workers/models/layered_model.hpp"

namespace edgesweep {
namespace {

struct ResNet50Settings {
  LayeredSettings layered;
  Activation activation = Activation::relu;
  bool small_images = false;  ///< a 3 × 3 stem that keeps the size, in place of 7 × 7 with stride 2 and pooling
  bool zero_last_norm = false;
};

/// The residual network of 50 layers for ImageNet (He et al. 2016, "Deep residual learning for image recognition"): 3, 4, 6 and 3
/// bottleneck blocks of 1 × 1, 3 × 3 and 1 × 1 convolutions, 64 to 512 channels and four times as many at a block's end; the
/// stride of a stage is in its first 3 × 3 convolution ("version 1.5", torchvision's resnet50). Convolutions have no biases.
class ResNet50 final : public LayeredModel {
 public:
  explicit ResNet50(const ResNet50Settings& settings)
      : LayeredModel(settings.layered), activation_(settings.activation), small_images_(settings.small_images) {
    const std::int64_t channels = settings.layered.input_shape[0];
    const std::vector<std::int64_t> blocks{3, 4, 6, 3};
    std::int64_t in = 64;
    stem_ = small_images_ ? convolution("conv1", channels, in, 3, 1, 1, false) : convolution("conv1", channels, in, 7, 2, 3, false);
    stem_norm_ = norm("bn1", in);
    for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
      const std::int64_t width = std::int64_t{64} << stage;
      for (std::int64_t b = 0; b < blocks[stage]; ++b) {
        const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(b);
        add_block(name, in, width, stage > 0 && b == 0 ? 2 : 1, settings.zero_last_norm);
        in = expansion * width;
      }
    }
    head_ = linear("fc", in, outputs());
  }

 private:
  static constexpr std::int64_t expansion = 4;

  struct Block {
    LayerIndex conv1, norm1, conv2, norm2, conv3, norm3;
    LayerIndex shortcut = no_layer, shortcut_norm = no_layer;
    bool projects = false;
  };

  void add_block(const std::string& name, std::int64_t in, std::int64_t width, std::int64_t stride, bool zero_last_norm) {
    const std::int64_t out = expansion * width;
    Block block{};
    block.conv1 = convolution(name + ".conv1", in, width, 1, 1, 0, false);
    block.norm1 = norm(name + ".bn1", width);
    block.conv2 = convolution(name + ".conv2", width, width, 3, stride, 1, false);
    block.norm2 = norm(name + ".bn2", width);
    block.conv3 = convolution(name + ".conv3", width, out, 1, 1, 0, false);
    block.norm3 = norm(name + ".bn3", out, zero_last_norm);
    block.projects = in != out;
    if (block.projects) {
      block.shortcut = convolution(name + ".downsample.0", in, out, 1, stride, 0, false);
      block.shortcut_norm = norm(name + ".downsample.1", out);
    }
    blocks_.push_back(block);
  }

  at::Tensor run(LayerPass& pass, const at::Tensor& x) const override {
    at::Tensor h = activate(activation_, pass.norm(stem_norm_, pass.convolution(stem_, x)));
    if (!small_images_) h = at::max_pool2d(h, {3, 3}, {2, 2}, {1, 1});
    for (const Block& block : blocks_) {
      at::Tensor branch = activate(activation_, pass.norm(block.norm1, pass.convolution(block.conv1, h)));
      branch = activate(activation_, pass.norm(block.norm2, pass.convolution(block.conv2, branch)));
      branch = pass.norm(block.norm3, pass.convolution(block.conv3, branch));
      h = activate(activation_,
                   branch + (block.projects ? pass.norm(block.shortcut_norm, pass.convolution(block.shortcut, h)) : h));
    }
    return pass.linear(head_, h.mean({2, 3}));
  }

  Activation activation_;
  bool small_images_;
  LayerIndex stem_, stem_norm_, head_;
  std::vector<Block> blocks_;
};

class ResNet50Family final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"resnet50"});
    result["activation"] = reader.choice("activation", activation_names(), "relu");
    result["stem"] = reader.choice("stem", {"imagenet", "cifar"}, "imagenet");
    read_norm(reader, result, {"batch", "group", "layer", "none"});
    result["zero_last_norm"] = reader.boolean("zero_last_norm", false);
    read_layered_settings(reader, result, "kaiming_fan_out");
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_images("resnet50", input_shape);
    return std::make_unique<ResNet50>(ResNet50Settings{layered_settings(canonical, input_shape, outputs),
                                                       activation_named(canonical.at("activation")), canonical.at("stem") == "cifar",
                                                       canonical.at("zero_last_norm")});
  }
};

const RegisterModel registered{"resnet50", std::make_unique<ResNet50Family>()};

}  // namespace
}  // namespace edgesweep

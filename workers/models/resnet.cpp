#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "workers/models/layered_model.hpp"

namespace edgesweep {
namespace {

/// How a block's input reaches its output where channels and size change: by a 1 × 1 convolution with a norm; subsampled and
/// padded with zero channels ("option A" of He et al. 2016); the same with a norm of the subsampled input.
enum class Shortcut { projection, pad, norm_pad };
const std::vector<std::string> shortcut_names{"projection", "pad", "norm_pad"};

struct ResNetSettings {
  LayeredSettings layered;
  std::int64_t depth = 18;
  Activation activation = Activation::gelu;
  Shortcut shortcut = Shortcut::projection;
  bool zero_last_norm = false;
};

/// Residual networks for small images (He et al. 2016, "Deep residual learning for image recognition"): a 3 × 3 convolution,
/// stages of basic blocks, the first of each later stage with stride 2, global average pooling, one linear layer.
/// Convolutions have no biases. Depth 18: four stages of two blocks, 64 to 512 channels; 6n + 2: three of n, 16 to 64.
class ResNet final : public LayeredModel {
 public:
  explicit ResNet(const ResNetSettings& settings)
      : LayeredModel(settings.layered), activation_(settings.activation), shortcut_(settings.shortcut) {
    const std::int64_t channels = settings.layered.input_shape[0];
    const bool wide = settings.depth == 18;
    const std::vector<std::int64_t> widths =
        wide ? std::vector<std::int64_t>{64, 128, 256, 512} : std::vector<std::int64_t>{16, 32, 64};
    const std::int64_t blocks = wide ? 2 : (settings.depth - 2) / 6;
    stem_ = convolution("conv1", channels, widths[0], 3, 1, 1, false);
    stem_norm_ = norm("norm1", widths[0]);
    std::int64_t in = widths[0];
    for (std::size_t stage = 0; stage < widths.size(); ++stage) {
      for (std::int64_t b = 0; b < blocks; ++b) {
        const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(b);
        add_block(name, in, widths[stage], stage > 0 && b == 0 ? 2 : 1, settings.zero_last_norm);
        in = widths[stage];
      }
    }
    head_ = linear("fc", in, outputs());
  }

 private:
  struct Block {
    std::int64_t in, out, stride;
    LayerIndex conv1, norm1, conv2, norm2;
    LayerIndex projection = no_layer, shortcut_norm = no_layer;
  };

  void add_block(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t stride, bool zero_last_norm) {
    Block block{in, out, stride, no_layer, no_layer, no_layer, no_layer};
    block.conv1 = convolution(name + ".conv1", in, out, 3, stride, 1, false);
    block.norm1 = norm(name + ".norm1", out);
    block.conv2 = convolution(name + ".conv2", out, out, 3, 1, 1, false);
    block.norm2 = norm(name + ".norm2", out, zero_last_norm);
    if (in != out && shortcut_ == Shortcut::projection) {
      block.projection = convolution(name + ".shortcut.conv", in, out, 1, stride, 0, false);
      block.shortcut_norm = norm(name + ".shortcut.norm", out);
    } else if (in != out && shortcut_ == Shortcut::norm_pad) {
      block.shortcut_norm = norm(name + ".shortcut.norm", in);
    }
    blocks_.push_back(block);
  }

  at::Tensor shortcut(LayerPass& pass, const Block& block, const at::Tensor& x) const {
    if (block.in == block.out) return x;
    if (block.projection != no_layer) return pass.norm(block.shortcut_norm, pass.convolution(block.projection, x));
    at::Tensor y = x.slice(2, 0, x.size(2), block.stride).slice(3, 0, x.size(3), block.stride);
    y = pass.norm(block.shortcut_norm, y);
    const std::int64_t before = (block.out - block.in) / 2;
    return at::constant_pad_nd(y, {0, 0, 0, 0, before, block.out - block.in - before});
  }

  at::Tensor run(LayerPass& pass, const at::Tensor& x) const override {
    at::Tensor h = activate(activation_, pass.norm(stem_norm_, pass.convolution(stem_, x)));
    for (const Block& block : blocks_) {
      at::Tensor branch = activate(activation_, pass.norm(block.norm1, pass.convolution(block.conv1, h)));
      branch = pass.norm(block.norm2, pass.convolution(block.conv2, branch));
      h = activate(activation_, branch + shortcut(pass, block, h));
    }
    return pass.linear(head_, h.mean({2, 3}));
  }

  Activation activation_;
  Shortcut shortcut_;
  LayerIndex stem_, stem_norm_, head_;
  std::vector<Block> blocks_;
};

class ResNetFamily final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"resnet"});
    result["depth"] = reader.integer("depth", 8, 1000, 18);
    const std::int64_t depth = result["depth"];
    if (depth != 18 && (depth - 2) % 6 != 0) reader.fail("depth", "is " + std::to_string(depth) + ", must be 18 or 6n + 2");
    const bool wide = depth == 18;
    result["activation"] = reader.choice("activation", activation_names(), wide ? "gelu" : "relu");
    result["shortcut"] = reader.choice("shortcut", shortcut_names, wide ? "projection" : "pad");
    read_norm(reader, result,
              wide ? std::vector<std::string>{"layer", "group", "batch", "none"}
                   : std::vector<std::string>{"batch", "group", "layer", "none"});
    result["zero_last_norm"] = reader.boolean("zero_last_norm", false);
    read_layered_settings(reader, result, "kaiming");
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_images("resnet", input_shape);
    ResNetSettings settings;
    settings.layered = layered_settings(canonical, input_shape, outputs);
    settings.depth = canonical.at("depth");
    settings.activation = activation_named(canonical.at("activation"));
    const std::string shortcut = canonical.at("shortcut");
    settings.shortcut = shortcut == "projection" ? Shortcut::projection
                        : shortcut == "pad"      ? Shortcut::pad
                                                 : Shortcut::norm_pad;
    settings.zero_last_norm = canonical.at("zero_last_norm");
    return std::make_unique<ResNet>(settings);
  }
};

const RegisterModel registered{"resnet", std::make_unique<ResNetFamily>()};

}  // namespace
}  // namespace edgesweep

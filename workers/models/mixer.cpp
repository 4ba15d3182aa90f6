#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/models/layered_model.hpp"

namespace edgesweep {
namespace {

/// Sizes of MLP-Mixer; by default S (Tolstikhin et al. 2021, "MLP-Mixer: an all-MLP architecture for vision").
struct MixerSizes {
  std::int64_t patch = 4;  ///< side of a patch, pixels
  std::int64_t width = 512;
  std::int64_t blocks = 8;
  std::int64_t token_hidden = 256;
  std::int64_t channel_hidden = 2048;
};

/// A linear map of each patch; blocks of two MLPs with GELU, layer norm before and a shortcut around each, the first over the
/// patches, the second over the channels; layer norm, mean over the patches, one linear layer.
class Mixer final : public LayeredModel {
 public:
  Mixer(const LayeredSettings& settings, const MixerSizes& sizes) : LayeredModel(settings) {
    const std::int64_t rows = settings.input_shape[1], columns = settings.input_shape[2];
    if (rows % sizes.patch != 0 || columns % sizes.patch != 0) {
      throw InputError("experiment.model.patch", "is " + std::to_string(sizes.patch) + ", must divide the sides of the images, " +
                                                     std::to_string(rows) + " and " + std::to_string(columns));
    }
    const std::int64_t tokens = rows / sizes.patch * (columns / sizes.patch);
    embedding_ = convolution("embedding", settings.input_shape[0], sizes.width, sizes.patch, sizes.patch, 0);
    for (std::int64_t b = 0; b < sizes.blocks; ++b) {
      const std::string name = "blocks." + std::to_string(b);
      blocks_.push_back({norm(name + ".norm1", sizes.width), linear(name + ".token1", tokens, sizes.token_hidden),
                         linear(name + ".token2", sizes.token_hidden, tokens), norm(name + ".norm2", sizes.width),
                         linear(name + ".channel1", sizes.width, sizes.channel_hidden),
                         linear(name + ".channel2", sizes.channel_hidden, sizes.width)});
    }
    last_norm_ = norm("norm", sizes.width);
    head_ = linear("fc", sizes.width, outputs());
  }

 private:
  struct Block {
    LayerIndex norm1, token1, token2, norm2, channel1, channel2;
  };

  at::Tensor run(LayerPass& pass, const at::Tensor& x) const override {
    at::Tensor h = pass.convolution(embedding_, x).flatten(2).transpose(1, 2);  // N × tokens × width
    for (const Block& block : blocks_) {
      const at::Tensor tokens = pass.norm(block.norm1, h).transpose(1, 2);
      h = h + pass.linear(block.token2, at::gelu(pass.linear(block.token1, tokens))).transpose(1, 2);
      h = h + pass.linear(block.channel2, at::gelu(pass.linear(block.channel1, pass.norm(block.norm2, h))));
    }
    return pass.linear(head_, pass.norm(last_norm_, h).mean(1));
  }

  LayerIndex embedding_, last_norm_, head_;
  std::vector<Block> blocks_;
};

class MixerFamily final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    const MixerSizes sizes;
    Json result;
    result["name"] = reader.choice("name", {"mixer"});
    result["patch"] = reader.integer("patch", 1, 1024, sizes.patch);
    result["width"] = reader.integer("width", 1, 1 << 20, sizes.width);
    result["blocks"] = reader.integer("blocks", 1, 1000, sizes.blocks);
    result["token_hidden"] = reader.integer("token_hidden", 1, 1 << 20, sizes.token_hidden);
    result["channel_hidden"] = reader.integer("channel_hidden", 1, 1 << 20, sizes.channel_hidden);
    read_layered_settings(reader, result, "lecun");
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_images("mixer", input_shape);
    LayeredSettings settings = layered_settings(canonical, input_shape, outputs);
    settings.norm.name = "layer";
    return std::make_unique<Mixer>(settings, MixerSizes{canonical.at("patch"), canonical.at("width"), canonical.at("blocks"),
                                                        canonical.at("token_hidden"), canonical.at("channel_hidden")});
  }
};

const RegisterModel registered{"mixer", std::make_unique<MixerFamily>()};

}  // namespace
}  // namespace edgesweep

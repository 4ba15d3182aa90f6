#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/models/layered_model.hpp"

namespace edgesweep {
namespace {

/// Sizes of a vision transformer; by default S/16.
struct VitSizes {
  std::int64_t patch = 16;  ///< side of a patch, pixels
  std::int64_t width = 384;
  std::int64_t blocks = 12;
  std::int64_t heads = 6;
  std::int64_t mlp_hidden = 1536;
};

/// Vision transformer (Dosovitskiy et al. 2021, "An image is worth 16x16 words"; sizes and start of S by Touvron et al. 2021,
/// "Training data-efficient image transformers"): a linear map of each patch, a class token before them, learned positions; blocks of
/// self-attention and of an MLP with GELU, layer norm before and a shortcut around each; layer norm, one linear layer on the class
/// token. The epsilon of its norms is 1e-6, as there.
class Vit final : public LayeredModel {
 public:
  Vit(const LayeredSettings& settings, const VitSizes& sizes) : LayeredModel(settings), sizes_(sizes) {
    const std::int64_t rows = settings.input_shape[1], columns = settings.input_shape[2], width = sizes.width;
    if (rows % sizes.patch != 0 || columns % sizes.patch != 0) {
      throw InputError("experiment.model.patch", "is " + std::to_string(sizes.patch) + ", must divide the sides of the images, " +
                                                     std::to_string(rows) + " and " + std::to_string(columns));
    }
    const std::int64_t patches = rows / sizes.patch * (columns / sizes.patch);
    class_token_ = offset("cls_token", {1, width});
    positions_ = offset("pos_embed", {patches + 1, width});
    embedding_ = convolution("patch_embed.proj", settings.input_shape[0], width, sizes.patch, sizes.patch, 0);
    for (std::int64_t b = 0; b < sizes.blocks; ++b) {
      const std::string name = "blocks." + std::to_string(b);
      blocks_.push_back({norm(name + ".norm1", width), linear(name + ".attn.qkv", width, 3 * width),
                         linear(name + ".attn.proj", width, width), norm(name + ".norm2", width),
                         linear(name + ".mlp.fc1", width, sizes.mlp_hidden), linear(name + ".mlp.fc2", sizes.mlp_hidden, width)});
    }
    last_norm_ = norm("norm", width);
    head_ = linear("head", width, outputs());
  }

 private:
  struct Block {
    LayerIndex norm1, qkv, projection, norm2, mlp1, mlp2;
  };

  /// x: N × tokens × width.
  at::Tensor attention(LayerPass& pass, const Block& block, const at::Tensor& x) const {
    const std::int64_t n = x.size(0), tokens = x.size(1), depth = sizes_.width / sizes_.heads;
    const at::Tensor qkv = pass.linear(block.qkv, x).reshape({n, tokens, 3, sizes_.heads, depth}).permute({2, 0, 3, 1, 4});
    const at::Tensor q = qkv.select(0, 0) / std::sqrt(static_cast<double>(depth)), k = qkv.select(0, 1), v = qkv.select(0, 2);
    const at::Tensor mixed = at::matmul(at::softmax(at::matmul(q, k.transpose(2, 3)), -1), v);  // N × heads × tokens × depth
    pass.count_multiply_adds(2.0 * static_cast<double>(n * tokens * tokens * sizes_.width));
    return pass.linear(block.projection, mixed.transpose(1, 2).reshape({n, tokens, sizes_.width}));
  }

  at::Tensor run(LayerPass& pass, const at::Tensor& x) const override {
    const at::Tensor patches = pass.convolution(embedding_, x).flatten(2).transpose(1, 2);  // N × patches × width
    const at::Tensor token = pass.offset(class_token_, at::zeros({x.size(0), 1, sizes_.width}, patches.options()));
    at::Tensor h = pass.offset(positions_, at::cat({token, patches}, 1));
    for (const Block& block : blocks_) {
      h = h + attention(pass, block, pass.norm(block.norm1, h));
      h = h + pass.linear(block.mlp2, at::gelu(pass.linear(block.mlp1, pass.norm(block.norm2, h))));
    }
    return pass.linear(head_, pass.norm(last_norm_, h.select(1, 0)));
  }

  VitSizes sizes_;
  LayerIndex class_token_, positions_, embedding_, last_norm_, head_;
  std::vector<Block> blocks_;
};

class VitFamily final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    const VitSizes sizes;
    Json result;
    result["name"] = reader.choice("name", {"vit"});
    result["patch"] = reader.integer("patch", 1, 1024, sizes.patch);
    result["width"] = reader.integer("width", 1, 1 << 20, sizes.width);
    result["blocks"] = reader.integer("blocks", 1, 1000, sizes.blocks);
    result["heads"] = reader.integer("heads", 1, 1 << 20, sizes.heads);
    const std::int64_t width = result["width"], heads = result["heads"];
    if (width % heads != 0) reader.fail("heads", "is " + std::to_string(heads) + ", must divide width, " + std::to_string(width));
    result["mlp_hidden"] = reader.integer("mlp_hidden", 1, 1 << 20, sizes.mlp_hidden);
    read_layered_settings(reader, result, "deit");
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_images("vit", input_shape);
    LayeredSettings settings = layered_settings(canonical, input_shape, outputs);
    settings.norm.name = "layer";
    settings.norm.epsilon = 1e-6;
    return std::make_unique<Vit>(settings, VitSizes{canonical.at("patch"), canonical.at("width"), canonical.at("blocks"),
                                                    canonical.at("heads"), canonical.at("mlp_hidden")});
  }
};

const RegisterModel registered{"vit", std::make_unique<VitFamily>()};

}  // namespace
}  // namespace edgesweep

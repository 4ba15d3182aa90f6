#include "workers/data/crop_flip.hpp"

#include <ATen/ATen.h>

#include <algorithm>

namespace edgesweep {

void crop_and_flip_cpu(const at::Tensor& images, ImageShape shape, std::int64_t pad, std::span<const std::int64_t> rows,
                       std::span<const CropFlip> moves, const at::Tensor& out) {
  const auto [channels, height, width] = shape;
  auto* to = out.data_ptr<float>();
  for (std::size_t b = 0; b < rows.size(); ++b) {
    const auto& [top, left, flip] = moves[b];
    const float* plane = images.data_ptr<float>() + rows[b] * channels * height * width;
    const std::int64_t first = std::max(std::int64_t{0}, pad - left);  // columns of `to` that show the image
    const std::int64_t last = std::min(width, width + pad - left);
    for (std::int64_t c = 0; c < channels; ++c, plane += height * width) {
      for (std::int64_t y = 0; y < height; ++y, to += width) {
        const std::int64_t from = y + top - pad;
        std::fill_n(to, width, 0.0F);
        if (from < 0 || from >= height) continue;
        std::copy_n(plane + from * width + first + left - pad, last - first, to + first);
        if (flip) std::reverse(to, to + width);
      }
    }
  }
}

void crop_and_flip_aten(const at::Tensor& images, ImageShape shape, std::int64_t pad, std::span<const std::int64_t> rows,
                        std::span<const CropFlip> moves, const at::Tensor& out) {
  const auto [channels, height, width] = shape;
  const auto batch = static_cast<std::int64_t>(rows.size());
  // Where in its padded plane a pixel comes from.
  at::Tensor from = at::empty({batch, 1, height * width}, at::kLong);
  auto* to = from.data_ptr<std::int64_t>();
  for (const auto& [top, left, flip] : moves) {
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) *to++ = (y + top) * (width + 2 * pad) + left + (flip ? width - 1 - x : x);
    }
  }
  const at::Tensor index = at::tensor(at::ArrayRef<std::int64_t>(rows.data(), rows.size()), at::kLong).to(images.device());
  const at::Tensor chosen = images.index_select(0, index).view({batch, channels, height, width});
  const at::Tensor padded = at::constant_pad_nd(chosen, {pad, pad, pad, pad}).flatten(2);
  at::Tensor planes = out.view({batch, channels, height * width});
  at::gather_out(planes, padded, 2, from.to(images.device()).expand_as(planes));
}

}  // namespace edgesweep

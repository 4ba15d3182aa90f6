#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace edgesweep {

struct ImageShape {
  std::int64_t channels, height, width;
};

/// Where the crop of an image begins in the padded image, and whether it is mirrored then.
struct CropFlip {
  std::int64_t top = 0;
  std::int64_t left = 0;
  bool flip = false;
};

/// Row b of `out` (B × F) becomes image `rows[b]` of `images` (N × F) with `pad` zeros on each side, cut to its old size at
/// `moves[b]` and mirrored left to right if it says so: out(c, y, x) = image(c, y + top − pad, x' + left − pad), 0 outside,
/// with x' = x or width − 1 − x. 0 ≤ pad < height, width; 0 ≤ top, left ≤ 2 pad; both tensors float32 and contiguous.
/// On the CPU, and on any device by ATen operations: the same values.
void crop_and_flip_cpu(const at::Tensor& images, ImageShape shape, std::int64_t pad, std::span<const std::int64_t> rows,
                       std::span<const CropFlip> moves, const at::Tensor& out);
void crop_and_flip_aten(const at::Tensor& images, ImageShape shape, std::int64_t pad, std::span<const std::int64_t> rows,
                        std::span<const CropFlip> moves, const at::Tensor& out);

}  // namespace edgesweep

#pragma once

#include <cstdint>

#include "workers/data/jpeg.hpp"

namespace edgesweep {

/// A rectangle in pixels, and whether what is in it is mirrored left to right.
struct CropBox {
  double left = 0, top = 0, width = 0, height = 0;
  bool flip = false;
};

/// Source pixels that the triangle filter looks at for `size` pixels from `from` on over `length`, of `limit` there are.
PixelRange source_range(double from, double length, std::int64_t limit, std::int64_t size);

/// The box of an image as out.height × out.width pixels: planes R, G, B of bytes at `planes`. Triangle filter, widened where the image is made
/// smaller, as Pillow's BILINEAR with `box` has it, in fixed-point numbers: rows first, each pass rounded to bytes. `pixels` must have the
/// rows of source_range(box.top, box.height, …) and the columns of source_range(box.left, box.width, …).
void resize_triangle(const RgbPixels& pixels, const CropBox& box, PixelSize out, std::uint8_t* planes);

}  // namespace edgesweep

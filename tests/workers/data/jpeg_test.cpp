#include "workers/data/jpeg.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "engine/base/error.hpp"
#include "tests/workers/data/image_files.hpp"
#include "workers/data/resize.hpp"

namespace edgesweep {
namespace {

using namespace testing;

const std::string name = "a/b.JPEG";

RgbPixels decoded(const std::vector<std::uint8_t>& bytes, std::int64_t reduction) {
  JpegDecoder decoder(bytes, name);
  RgbPixels pixels;
  decoder.decode(reduction, pixels);
  return pixels;
}

RgbPixels decoded(const std::vector<std::uint8_t>& bytes, std::int64_t reduction, PixelRange rows, PixelRange columns) {
  JpegDecoder decoder(bytes, name);
  RgbPixels pixels;
  decoder.decode(reduction, rows, columns, pixels);
  return pixels;
}

TEST(JpegDecoder, GivesThePixelsThatWereEncoded) {
  const PixelSize size{61, 47};
  const auto rgb = made_up_pixels(3, size);
  const RgbPixels pixels = decoded(encode_jpeg(rgb, size, 98), 1);
  ASSERT_EQ(pixels.values.size(), rgb.size());
  int worst = 0;
  for (std::size_t i = 0; i < rgb.size(); ++i) worst = std::max(worst, std::abs(int{pixels.values[i]} - int{rgb[i]}));
  EXPECT_LE(worst, 8);
}

/// Like the files of cameras and the web: colours at half resolution both ways, which decoders interpolate.
std::vector<std::uint8_t> usual_jpeg(int seed, PixelSize size, bool progressive) {
  std::vector<std::uint8_t> rgb = made_up_pixels(seed, size);
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long length = 0;
  jpeg_mem_dest(&info, &out, &length);
  info.image_width = static_cast<JDIMENSION>(size.width);
  info.image_height = static_cast<JDIMENSION>(size.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  if (progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  for (std::int64_t y = 0; y < size.height; ++y) {
    JSAMPROW line = rgb.data() + 3 * y * size.width;
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::vector<std::uint8_t> bytes(out, out + length);
  std::free(out);
  return bytes;
}

void expect_equal(const RgbPixels& whole, const RgbPixels& part, PixelRange columns) {
  for (std::int64_t row = 0; row < part.rows.count; ++row) {
    const auto* mine = part.values.data() + 3 * (row * part.columns.count + columns.first - part.columns.first);
    const auto* all = whole.values.data() + 3 * ((part.rows.first + row) * whole.image.width + columns.first);
    EXPECT_TRUE(std::equal(mine, mine + 3 * columns.count, all))
        << "row " << part.rows.first + row << ", " << columns.count << " columns from " << columns.first;
  }
}

/// Every third row and column on, and some of them.
void expect_parts(const std::vector<std::uint8_t>& bytes, std::int64_t reduction) {
  const RgbPixels whole = decoded(bytes, reduction);
  EXPECT_EQ(whole.rows.count, whole.image.height);
  EXPECT_EQ(whole.columns.count, whole.image.width);
  for (std::int64_t first = 0; first < whole.image.height; first += 3) {
    for (const std::int64_t count : {1, 5, 1000}) {
      const std::int64_t left = first % whole.image.width;
      const RgbPixels part = decoded(bytes, reduction, {first, count}, {left, count});
      EXPECT_EQ(part.rows.first, first);
      EXPECT_EQ(part.rows.count, std::min(count, whole.image.height - first));
      const PixelRange wanted{left, std::min(count, whole.image.width - left)};
      ASSERT_LE(part.columns.first, wanted.first);
      ASSERT_GE(part.columns.first + part.columns.count, wanted.first + wanted.count);
      expect_equal(whole, part, wanted);
    }
  }
}

TEST(JpegDecoder, GivesTheSamePixelsWhateverPartIsWanted) {
  for (const PixelSize size : {PixelSize{61, 47}, PixelSize{128, 200}, PixelSize{33, 1}, PixelSize{1, 9}}) {
    for (const auto& bytes : {made_up_jpeg(1, size), usual_jpeg(2, size, false), usual_jpeg(3, size, true)}) {
      for (const std::int64_t reduction : {1, 2, 4, 8}) {
        const PixelSize reduced = decoded(bytes, reduction).image;
        EXPECT_EQ(reduced.height, (size.height + reduction - 1) / reduction);
        EXPECT_EQ(reduced.width, (size.width + reduction - 1) / reduction);
        expect_parts(bytes, reduction);
      }
    }
  }
}

TEST(JpegDecoder, NamesTheFileThatIsNoWholeImage) {
  const PixelSize size{64, 64};
  const auto good = made_up_jpeg(2, size);
  const auto cut = std::vector<std::uint8_t>(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.size() / 2));
  for (const std::vector<std::uint8_t>& bytes : {std::vector<std::uint8_t>{}, std::vector<std::uint8_t>{'t', 'e', 'x', 't', '\n'},
                                                 std::vector<std::uint8_t>(good.begin(), good.begin() + 10), cut}) {
    try {
      decoded(bytes, 1);
      ADD_FAILURE() << bytes.size();
    } catch (const InputError& error) {
      EXPECT_EQ(error.subject(), name);
      EXPECT_EQ(error.reason().find('\n'), std::string::npos);
    }
  }
  EXPECT_EQ(JpegDecoder(cut, name).size().width, 64);  // its header is there
}

/// The formula of Pillow's filter in float64, without rounding between the passes.
double exact(const RgbPixels& pixels, const CropBox& box, std::int64_t size, std::int64_t x, std::int64_t y, int channel) {
  const auto weights = [&](double from, double length, std::int64_t limit, std::int64_t place) {
    const double scale = length / static_cast<double>(size), support = std::max(1.0, scale);
    const double centre = from + (static_cast<double>(place) + 0.5) * scale;
    std::vector<double> result(static_cast<std::size_t>(limit));
    double sum = 0;
    for (std::int64_t k = 0; k < limit; ++k) {
      sum += result[static_cast<std::size_t>(k)] = std::max(0.0, 1 - std::abs(static_cast<double>(k) + 0.5 - centre) / support);
    }
    for (double& weight : result) weight /= sum;
    return result;
  };
  const auto across = weights(box.left, box.width, pixels.image.width, x), down = weights(box.top, box.height, pixels.image.height, y);
  double sum = 0;
  for (std::size_t row = 0; row < down.size(); ++row) {
    for (std::size_t column = 0; column < across.size(); ++column) {
      sum += down[row] * across[column] * pixels.values[(row * across.size() + column) * 3 + static_cast<std::size_t>(channel)];
    }
  }
  return sum;
}

TEST(Resize, IsTheTriangleFilterToRounding) {
  const RgbPixels pixels = decoded(made_up_jpeg(4, {53, 37}), 1);
  for (const CropBox box : {CropBox{0, 0, 53, 37, false}, CropBox{3.25, 5.5, 20.5, 17.125, true}, CropBox{40, 30, 13, 7, false}}) {
    for (const std::int64_t size : {5, 16, 40}) {
      const auto places = static_cast<std::size_t>(size * size);
      std::vector<std::uint8_t> planes(3 * places);
      resize_triangle(pixels, box, {size, size}, planes.data());
      for (std::int64_t y = 0; y < size; ++y) {
        for (std::int64_t x = 0; x < size; ++x) {
          for (int c = 0; c < 3; ++c) {
            const std::int64_t place = y * size + (box.flip ? size - 1 - x : x);
            EXPECT_NEAR(planes[places * static_cast<std::size_t>(c) + static_cast<std::size_t>(place)], exact(pixels, box, size, x, y, c), 1.01);
          }
        }
      }
    }
  }
}

TEST(Resize, LooksAtItsSourceRangesAlone) {
  const auto bytes = made_up_jpeg(5, {60, 90});
  const RgbPixels whole = decoded(bytes, 1);
  for (const CropBox box : {CropBox{0, 20.3, 60, 31.7}, CropBox{30.5, 0, 20, 4}, CropBox{57, 85.5, 3, 4.5, true}}) {
    for (const std::int64_t size : {3, 24, 64}) {
      const RgbPixels part =
          decoded(bytes, 1, source_range(box.top, box.height, 90, size), source_range(box.left, box.width, 60, size));
      std::vector<std::uint8_t> a(static_cast<std::size_t>(3 * size * size)), b(a.size());
      resize_triangle(whole, box, {size, size}, a.data());
      resize_triangle(part, box, {size, size}, b.data());
      EXPECT_EQ(a, b);
    }
  }
}

}  // namespace
}  // namespace edgesweep

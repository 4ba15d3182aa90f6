#include "workers/data/jpeg.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/data/image_files.hpp"
#include "workers/data/resize.hpp"

namespace edgesweep {
namespace {

using namespace testing;

const std::string name = "a/b.JPEG";

RgbPixels decoded(const std::vector<std::uint8_t>& bytes, std::int64_t reduction, std::int64_t first, std::int64_t count) {
  JpegDecoder decoder(bytes, name);
  RgbPixels pixels;
  decoder.decode(reduction, first, count, pixels);
  return pixels;
}

TEST(JpegDecoder, GivesThePixelsThatWereEncoded) {
  const PixelSize size{61, 47};
  const auto rgb = made_up_pixels(3, size);
  const RgbPixels pixels = decoded(encode_jpeg(rgb, size, 98), 1, 0, size.height);
  ASSERT_EQ(pixels.values.size(), rgb.size());
  int worst = 0;
  for (std::size_t i = 0; i < rgb.size(); ++i) worst = std::max(worst, std::abs(int{pixels.values[i]} - int{rgb[i]}));
  EXPECT_LE(worst, 8);
}

TEST(JpegDecoder, GivesTheSameRowsWhateverRowsAreWanted) {
  for (const PixelSize size : {PixelSize{61, 47}, PixelSize{128, 200}, PixelSize{33, 1}}) {
    const auto bytes = made_up_jpeg(1, size);
    for (const std::int64_t reduction : {1, 2, 4, 8}) {
      const RgbPixels whole = decoded(bytes, reduction, 0, size.height);
      EXPECT_EQ(whole.image.height, (size.height + reduction - 1) / reduction);
      EXPECT_EQ(whole.image.width, (size.width + reduction - 1) / reduction);
      EXPECT_EQ(whole.rows, whole.image.height);
      const auto stride = static_cast<std::size_t>(3 * whole.image.width);
      for (std::int64_t first = 0; first < whole.rows; first += 3) {
        for (const std::int64_t count : {1, 5, 1000}) {
          const RgbPixels part = decoded(bytes, reduction, first, count);
          EXPECT_EQ(part.first_row, first);
          EXPECT_EQ(part.rows, std::min(count, whole.rows - first));
          EXPECT_TRUE(std::equal(part.values.begin(), part.values.end(), whole.values.begin() + static_cast<std::ptrdiff_t>(stride) * first))
              << reduction << ' ' << first << ' ' << count;
        }
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
      decoded(bytes, 1, 0, size.height);
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
  const RgbPixels pixels = decoded(made_up_jpeg(4, {53, 37}), 1, 0, 37);
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

TEST(Resize, LooksAtTheRowsOfItsSourceRangeAlone) {
  const auto bytes = made_up_jpeg(5, {60, 90});
  const RgbPixels whole = decoded(bytes, 1, 0, 90);
  for (const CropBox box : {CropBox{0, 20.3, 60, 31.7}, CropBox{10, 0, 20, 4}, CropBox{0, 85.5, 60, 4.5}}) {
    for (const std::int64_t size : {3, 24, 64}) {
      const SourceRange rows = source_range(box.top, box.height, 90, size);
      const RgbPixels part = decoded(bytes, 1, rows.first, rows.count);
      std::vector<std::uint8_t> a(static_cast<std::size_t>(3 * size * size)), b(a.size());
      resize_triangle(whole, box, {size, size}, a.data());
      resize_triangle(part, box, {size, size}, b.data());
      EXPECT_EQ(a, b);
    }
  }
}

}  // namespace
}  // namespace edgesweep

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace edgesweep {

struct PixelSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

/// Rows or columns that follow each other.
struct PixelRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// 8-bit R, G, B of each pixel of some rows and columns of an image.
struct RgbPixels {
  PixelSize image;  ///< the whole one
  PixelRange rows, columns;
  std::vector<std::uint8_t> values;  ///< rows.count × columns.count × 3
};

/// The largest of 1, 2, 4, 8 that leaves `side` pixels at least twice as many as are wanted. What libjpeg leaves of fine detail when it
/// reduces differs from a filter's: with twice as many, the filter that follows has the say.
std::int64_t reduction_for(double side, std::int64_t wanted);

/// One JPEG image, decoded once. `name` is the file's, for messages; it and `bytes` must outlive the decoder. All throw InputError
/// that names it if the bytes are no JPEG image, damaged or cut off; what other decoders forgive (bytes beyond the end, unknown
/// markers) is forgiven.
class JpegDecoder {
 public:
  /// Reads the header; `bytes` may end behind it if nothing is decoded.
  JpegDecoder(std::span<const std::uint8_t> bytes, const std::string& name);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  PixelSize size() const;

  /// The rows and columns, as far as there are such, of the image at 1 / `reduction` of its size (1, 2, 4 or 8; sides rounded up).
  /// There may be more columns, the outermost of them not exact. Grey and CMYK images become RGB. `pixels` is filled anew, its memory
  /// used again.
  void decode(std::int64_t reduction, PixelRange rows, PixelRange columns, RgbPixels& pixels);

  /// All rows and columns.
  void decode(std::int64_t reduction, RgbPixels& pixels) { decode(reduction, {0, size().height}, {0, size().width}, pixels); }

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

/// `rgb` has size.height × size.width × 3 values; quality from 1 to 100, colours at full resolution.
std::vector<std::uint8_t> encode_jpeg(std::span<const std::uint8_t> rgb, PixelSize size, int quality);

}  // namespace edgesweep

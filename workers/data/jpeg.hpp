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

/// 8-bit R, G, B of each pixel of some rows of an image.
struct RgbPixels {
  PixelSize image;            ///< the whole one
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::vector<std::uint8_t> values;  ///< rows × image.width × 3
};

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

  /// `count` rows from `first` on, as far as there are such, of the image at 1 / `reduction` of its size (1, 2, 4 or 8; sides
  /// rounded up). Grey and CMYK images become RGB. `pixels` is filled anew, its memory used again.
  void decode(std::int64_t reduction, std::int64_t first, std::int64_t count, RgbPixels& pixels);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

/// `rgb` has size.height × size.width × 3 values; quality from 1 to 100, colours at full resolution.
std::vector<std::uint8_t> encode_jpeg(std::span<const std::uint8_t> rgb, PixelSize size, int quality);

}  // namespace edgesweep

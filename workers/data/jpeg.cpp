#include "workers/data/jpeg.hpp"

#include <cstddef>
#include <cstdio>

#include <jpeglib.h>
#include <jerror.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <stdexcept>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

/// libjpeg's errors end in a jump to the function that called it: those functions hold nothing that would have to be destroyed.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void fail(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->escape, 1);
}

/// A warning; a cut-off file is an error here, since libjpeg would fill it with grey.
void warn(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) fail(info);
}

jpeg_error_mgr* install(ErrorManager& manager) {
  jpeg_error_mgr* base = jpeg_std_error(&manager.base);
  base->error_exit = fail;
  base->emit_message = warn;
  return base;
}

/// Adobe's CMYK is stored inverted.
void cmyk_to_rgb(const std::uint8_t* from, std::size_t pixels, bool inverted, std::uint8_t* to) {
  for (std::size_t i = 0; i < pixels; ++i, from += 4, to += 3) {
    const auto part = [&](int c) { return static_cast<unsigned>(inverted ? from[c] : 255 - from[c]); };
    const unsigned light = part(3);
    for (int c = 0; c < 3; ++c) to[c] = static_cast<std::uint8_t>((part(c) * light + 127) / 255);
  }
}

bool read_header(jpeg_decompress_struct& info, ErrorManager& errors, std::span<const std::uint8_t> bytes) {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&info, TRUE);
  return true;
}

bool start(jpeg_decompress_struct& info, ErrorManager& errors, std::int64_t reduction) {
  if (setjmp(errors.escape) != 0) return false;
  const bool four = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = four ? JCS_CMYK : JCS_RGB;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(reduction);
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  return true;
}

/// Has the columns alone decoded, and makes them those that are: from a whole block's first on.
bool keep_columns(jpeg_decompress_struct& info, ErrorManager& errors, PixelRange& columns) {
  if (setjmp(errors.escape) != 0) return false;
  auto first = static_cast<JDIMENSION>(columns.first), count = static_cast<JDIMENSION>(columns.count);
  jpeg_crop_scanline(&info, &first, &count);
  columns = {first, count};
  return true;
}

bool read_rows(jpeg_decompress_struct& info, ErrorManager& errors, PixelRange rows, std::uint8_t* values) {
  if (setjmp(errors.escape) != 0) return false;
  const std::size_t stride = static_cast<std::size_t>(info.output_width) * static_cast<std::size_t>(info.output_components);
  if (rows.first > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(rows.first));
  for (std::int64_t row = 0; row < rows.count; ++row) {
    JSAMPROW line = values + static_cast<std::size_t>(row) * stride;
    jpeg_read_scanlines(&info, &line, 1);
  }
  return true;
}

/// As much of a range as there is, one pixel at least.
PixelRange within(PixelRange range, std::int64_t limit) {
  range.first = std::clamp<std::int64_t>(range.first, 0, limit - 1);
  return {range.first, std::clamp<std::int64_t>(range.count, 1, limit - range.first)};
}

/// With what is needed at its sides: colours are interpolated between neighbours, which libjpeg lacks at the sides of what it keeps.
PixelRange with_neighbours(PixelRange range, std::int64_t limit) {
  constexpr std::int64_t reach = 2;
  const std::int64_t first = std::max<std::int64_t>(0, range.first - reach), end = std::min(limit, range.first + range.count + reach);
  return {first, end - first};
}

bool compress(jpeg_compress_struct& info, ErrorManager& errors, const std::uint8_t* rgb, PixelSize size, int quality,
              unsigned char** out, unsigned long* length) {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, out, length);
  info.image_width = static_cast<JDIMENSION>(size.width);
  info.image_height = static_cast<JDIMENSION>(size.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW line = const_cast<std::uint8_t*>(rgb) + static_cast<std::size_t>(info.next_scanline) * 3 * info.image_width;
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

std::int64_t reduction_for(double side, std::int64_t wanted) {
  std::int64_t reduction = 8;
  while (reduction > 1 && side < 2 * static_cast<double>(wanted * reduction)) reduction /= 2;
  return reduction;
}

struct JpegDecoder::Library {
  explicit Library(const std::string& file) : name(file) { info.err = install(errors); }
  ~Library() { jpeg_destroy_decompress(&info); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void require(bool done) const {
    if (!done) throw InputError(name, std::string("is no JPEG image that can be read: ") + errors.message);
  }

  const std::string& name;
  ErrorManager errors{};
  jpeg_decompress_struct info{};
};

JpegDecoder::JpegDecoder(std::span<const std::uint8_t> bytes, const std::string& name) : library_(std::make_unique<Library>(name)) {
  library_->require(read_header(library_->info, library_->errors, bytes));
}

JpegDecoder::~JpegDecoder() = default;

PixelSize JpegDecoder::size() const { return {library_->info.image_width, library_->info.image_height}; }

void JpegDecoder::decode(std::int64_t reduction, PixelRange rows, PixelRange columns, RgbPixels& pixels) {
  static thread_local std::vector<std::uint8_t> cmyk;
  jpeg_decompress_struct& info = library_->info;
  library_->require(start(info, library_->errors, reduction));
  pixels.image = {info.output_width, info.output_height};
  pixels.rows = within(rows, pixels.image.height);
  pixels.columns = with_neighbours(within(columns, pixels.image.width), pixels.image.width);
  if (pixels.columns.count < pixels.image.width) library_->require(keep_columns(info, library_->errors, pixels.columns));
  const auto places = static_cast<std::size_t>(pixels.rows.count * pixels.columns.count);
  pixels.values.resize(3 * places);
  const bool four = info.output_components == 4;
  if (four) cmyk.resize(4 * places);
  library_->require(read_rows(info, library_->errors, pixels.rows, four ? cmyk.data() : pixels.values.data()));
  if (four) cmyk_to_rgb(cmyk.data(), places, info.saw_Adobe_marker != 0, pixels.values.data());
}

std::vector<std::uint8_t> encode_jpeg(std::span<const std::uint8_t> rgb, PixelSize size, int quality) {
  jpeg_compress_struct info{};
  ErrorManager errors{};
  info.err = install(errors);
  unsigned char* out = nullptr;
  unsigned long length = 0;
  const bool done = compress(info, errors, rgb.data(), size, quality, &out, &length);
  jpeg_destroy_compress(&info);
  std::vector<std::uint8_t> bytes;
  if (done) bytes.assign(out, out + length);
  std::free(out);
  if (!done) throw std::runtime_error(std::string("encoding a JPEG image failed: ") + errors.message);
  return bytes;
}

}  // namespace edgesweep

#include "engine/store/seal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/json.hpp"
#include "engine/store/raw_file.hpp"

namespace edgesweep {
namespace {

// The line is JSON, `{"end":…,"sha256":…,"values":[[offset,length],…]}`, and of that JSON:
// ` edgesweep-seal <length, 10 digits> <sha256>\n`.
constexpr std::string_view kMagic = " edgesweep-seal ";
constexpr std::size_t kDigits = 10;
constexpr std::size_t kDigest = 64;
constexpr std::uint64_t kMostJson = 1 << 24;
constexpr std::size_t kTail = kMagic.size() + kDigits + 1 + kDigest + 1;

[[noreturn]] void damaged(const std::string& path) {
  throw InputError(path, "is damaged: bytes that never change are not those that were written");
}

bool in_order(const std::vector<ByteRange>& values, std::uint64_t end) {
  std::uint64_t from = 0;
  for (const ByteRange& range : values) {
    if (range.offset < from || range.offset > end || range.length > end - range.offset) return false;
    from = range.end();
  }
  return true;
}

Json to_json(const std::vector<ByteRange>& values) {
  Json list = Json::array();
  for (const ByteRange& range : values) list.push_back({range.offset, range.length});
  return list;
}

/// Of all bytes before `end` but the values.
std::string constant_digest(const RawFile& file, const std::vector<ByteRange>& values, std::uint64_t end) {
  std::vector<std::byte> content;
  const auto take = [&](std::uint64_t from, std::uint64_t to) {
    const std::size_t before = content.size();
    content.resize(before + (to - from));
    file.read_at(from, std::span(content).subspan(before));
  };
  std::uint64_t from = 0;
  for (const ByteRange& range : values) {
    take(from, range.offset);
    from = range.end();
  }
  take(from, end);
  return sha256_hex(content);
}

std::string tail_of(const std::string& json) {
  const std::string length = std::to_string(json.size());
  return std::string(kMagic) + std::string(kDigits - length.size(), '0') + length + " " + sha256_hex(json) + "\n";
}

std::string read_text(const RawFile& file, std::uint64_t offset, std::uint64_t length) {
  std::string text(length, '\0');
  file.read_at(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace

void seal_file(const std::string& path, const std::vector<ByteRange>& values) {
  RawFile file(path, RawFile::Access::write);
  const std::uint64_t end = std::filesystem::file_size(path);
  if (!in_order(values, end)) throw SystemError(path, "can't be sealed: its values overlap or lie outside of it");
  const std::string json = Json{{"end", end}, {"sha256", constant_digest(file, values, end)}, {"values", to_json(values)}}.dump();
  const std::string line = json + tail_of(json);
  file.write_at(end, std::as_bytes(std::span(line)));
  file.close();
}

std::optional<std::uint64_t> check_seal(const std::string& path) {
  const RawFile file(path, RawFile::Access::read);
  const std::uint64_t size = file.size();
  if (size < kTail) return {};
  const std::string tail = read_text(file, size - kTail, kTail);
  if (!tail.starts_with(kMagic)) return {};
  std::uint64_t length = 0;
  const char* number = tail.data() + kMagic.size();
  if (std::from_chars(number, number + kDigits, length).ptr != number + kDigits) damaged(path);
  if (length > kMostJson || length > size - kTail) damaged(path);
  const std::uint64_t end = size - kTail - length;
  const std::string text = read_text(file, end, length);
  if (tail_of(text) != tail) damaged(path);
  // Whole from here on, and so it is JSON; but the file before it may have lost or gained bytes.
  const Json seal = Json::parse(text);
  std::vector<ByteRange> values;
  for (const Json& range : seal.at("values"))
    values.push_back({range.at(0).get<std::uint64_t>(), range.at(1).get<std::uint64_t>()});
  if (seal.at("end") != end || !in_order(values, end) || seal.at("sha256") != constant_digest(file, values, end))
    damaged(path);
  return end;
}

}  // namespace edgesweep

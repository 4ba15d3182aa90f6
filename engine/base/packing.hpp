#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/error.hpp"

// Messages between processes of one program as bytes: one byte for the kind (index in the variant), then the fields in
// order. Numbers as in memory (one build talks to itself); texts and vectors after their length.
namespace edgesweep {

class PackWriter {
 public:
  template <typename... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void raw(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }
  template <typename Number>
    requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
  void put(const Number& number) {
    raw(&number, sizeof number);
  }
  template <typename Sequence>
    requires requires(const Sequence& sequence) { sequence.data(); }
  void put(const Sequence& sequence) {
    put(sequence.size());
    raw(sequence.data(), sequence.size() * sizeof(typename Sequence::value_type));
  }

  std::vector<std::byte> bytes_;
};

class PackReader {
 public:
  explicit PackReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// Throws SystemError if there are too few bytes.
  template <typename... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }
  /// Throws SystemError if bytes are left.
  void finish() const {
    if (!bytes_.empty()) {
      broken();
    }
  }

 private:
  [[noreturn]] static void broken() { throw SystemError("message", "has another length than its kind asks for"); }

  void raw(void* data, std::size_t size) {
    if (bytes_.size() < size) {
      broken();
    }
    if (size > 0) {
      std::memcpy(data, bytes_.data(), size);
    }
    bytes_ = bytes_.subspan(size);
  }
  template <typename Number>
    requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
  void get(Number& number) {
    raw(&number, sizeof number);
  }
  template <typename Sequence>
    requires requires(Sequence& sequence) { sequence.resize(1); }
  void get(Sequence& sequence) {
    std::size_t size = 0;
    get(size);
    if (size > bytes_.size() / sizeof(typename Sequence::value_type)) {
      broken();
    }
    sequence.resize(size);
    raw(sequence.data(), size * sizeof(typename Sequence::value_type));
  }

  std::span<const std::byte> bytes_;
};

/// `Fields::of(visit, message)` calls `visit` with the fields of a message, for reading and writing alike.
template <typename Fields, typename Variant>
std::vector<std::byte> pack_variant(const Variant& message) {
  PackWriter writer;
  writer(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& content) { Fields::of(writer, content); }, message);
  return writer.take();
}

template <typename Fields, typename Variant, std::size_t... Kinds>
Variant unpack_variant(std::span<const std::byte> bytes, std::index_sequence<Kinds...>) {
  PackReader reader(bytes);
  std::uint8_t kind = 0;
  reader(kind);
  Variant message;
  const auto read = [&](auto content) {
    Fields::of(reader, content);
    message = std::move(content);
  };
  const bool known = ((kind == Kinds ? (read(std::variant_alternative_t<Kinds, Variant>{}), true) : false) || ...);
  if (!known) {
    throw SystemError("message", "is of unknown kind " + std::to_string(kind));
  }
  reader.finish();
  return message;
}

/// Throws SystemError if the bytes are not exactly one message.
template <typename Fields, typename Variant>
Variant unpack_variant(std::span<const std::byte> bytes) {
  return unpack_variant<Fields, Variant>(bytes, std::make_index_sequence<std::variant_size_v<Variant>>{});
}

}  // namespace edgesweep

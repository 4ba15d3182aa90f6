#include "engine/mpi/messages.hpp"

#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

class Writer {
 public:
  template <typename... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  Bytes take() { return std::move(bytes_); }

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
  void put(const std::string& text) {
    put(text.size());
    raw(text.data(), text.size());
  }
  void put(const std::vector<double>& values) {
    put(values.size());
    raw(values.data(), values.size() * sizeof(double));
  }

  Bytes bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }
  void finish() const {
    if (!bytes_.empty()) {
      broken();
    }
  }

 private:
  [[noreturn]] static void broken() { throw SystemError("MPI message", "has another length than its kind asks for"); }

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

// The fields of each message, for reading and writing alike. A message without its branch does not compile.
template <typename Visit, typename M>
void fields(Visit& visit, M& m) {
  using T = std::remove_const_t<M>;
  if constexpr (std::is_same_v<T, Assignment>) {
    visit(m.trial, m.use_checkpoint);
  } else if constexpr (std::is_same_v<T, SweepText>) {
    visit(m.text);
  } else if constexpr (std::is_same_v<T, EndRun>) {
    visit(m.code);
  } else if constexpr (std::is_same_v<T, WorkerUnfit>) {
    visit(m.bad_input, m.subject, m.reason);
  } else if constexpr (std::is_same_v<T, TrialStarted>) {
    visit(m.trial, m.from_checkpoint);
  } else if constexpr (std::is_same_v<T, TrialRecord>) {
    visit(m.trial, m.index, m.values);
  } else if constexpr (std::is_same_v<T, TrialCheckpointed>) {
    visit(m.trial, m.step);
  } else if constexpr (std::is_same_v<T, TrialFinished>) {
    visit(m.trial, m.diverged, m.steps, m.wall_seconds);
  } else if constexpr (std::is_same_v<T, TrialInterrupted>) {
    visit(m.trial, m.wall_seconds);
  } else if constexpr (std::is_same_v<T, TrialFailed>) {
    visit(m.trial, m.reason, m.wall_seconds);
  } else {
    static_assert(std::is_empty_v<T>, "a message with fields needs its line here");
  }
}

template <typename Variant>
Bytes pack_variant(const Variant& message) {
  Writer writer;
  writer(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& content) { fields(writer, content); }, message);
  return writer.take();
}

template <typename Variant, std::size_t... Kinds>
Variant unpack_variant(std::span<const std::byte> bytes, std::index_sequence<Kinds...>) {
  Reader reader(bytes);
  std::uint8_t kind = 0;
  reader(kind);
  Variant message;
  const auto read = [&](auto content) {
    fields(reader, content);
    message = std::move(content);
  };
  const bool known = ((kind == Kinds ? (read(std::variant_alternative_t<Kinds, Variant>{}), true) : false) || ...);
  if (!known) {
    throw SystemError("MPI message", "is of unknown kind " + std::to_string(kind));
  }
  reader.finish();
  return message;
}

template <typename Variant>
Variant unpack(std::span<const std::byte> bytes) {
  return unpack_variant<Variant>(bytes, std::make_index_sequence<std::variant_size_v<Variant>>{});
}

}  // namespace

Bytes pack(const WorkerMessage& message) { return pack_variant(message); }

Bytes pack(const CoordinatorMessage& message) { return pack_variant(message); }

WorkerMessage unpack_worker_message(std::span<const std::byte> bytes) { return unpack<WorkerMessage>(bytes); }

CoordinatorMessage unpack_coordinator_message(std::span<const std::byte> bytes) {
  return unpack<CoordinatorMessage>(bytes);
}

}  // namespace edgesweep

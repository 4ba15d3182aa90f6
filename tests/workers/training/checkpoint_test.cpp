#include "workers/training/checkpoint.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

Checkpoint made_up() {
  Checkpoint checkpoint;
  checkpoint.trial_key = "0123456789abcdef";
  checkpoint.step = 17;
  checkpoint.records = {{0, 1.5, std::numeric_limits<double>::infinity()}, {3, -0.0, 2}};
  checkpoint.state["network"] = {{"theta", at::arange(5, at::kFloat)}, {"velocity", at::full({5}, 0.1, at::kFloat)}};
  checkpoint.state["hessian"] = {{"vectors", at::arange(6, at::kDouble).view({2, 3}).t()},
                                        {"count", at::full({}, 3, at::kLong)},
                                        {"none", at::empty({0, 4}, at::kFloat)}};
  checkpoint.state["loss"] = {};
  return checkpoint;
}

TEST(Checkpoint, GivesBackWhatWasSaved) {
  const Checkpoint before = made_up();
  const Bytes bytes = encode_checkpoint(before);
  const Checkpoint after = decode_checkpoint(bytes);
  EXPECT_EQ(after.trial_key, before.trial_key);
  EXPECT_EQ(after.step, 17);
  EXPECT_EQ(after.records, before.records);
  ASSERT_EQ(after.state.size(), 3U);
  EXPECT_TRUE(after.state.at("loss").empty());
  for (const auto& [part, tensors] : before.state) {
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor& read = after.state.at(part).at(name);
      EXPECT_EQ(read.scalar_type(), tensor.scalar_type());
      EXPECT_EQ(read.sizes(), tensor.sizes());
      EXPECT_TRUE(at::equal(read, tensor));
    }
  }
  EXPECT_EQ(encode_checkpoint(after), bytes);
}

TEST(Checkpoint, RefusesEveryTruncationAndAddition) {
  Bytes bytes = encode_checkpoint(made_up());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(decode_checkpoint(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))),
                 InputError)
        << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_THROW(decode_checkpoint(bytes), InputError);
}

// Whatever one byte says, the reader neither reads outside nor takes more memory than the bytes justify.
TEST(Checkpoint, SurvivesAnyDamagedByte) {
  const Bytes bytes = encode_checkpoint(made_up());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const std::byte damage : {std::byte{0xff}, std::byte{0x80}, std::byte{0x01}}) {
      Bytes damaged = bytes;
      damaged[i] ^= damage;
      try {
        decode_checkpoint(damaged);
      } catch (const InputError& error) {
        EXPECT_EQ(error.subject(), "checkpoint");
      }
    }
  }
}

TEST(Checkpoint, NamesOtherFormats) {
  Bytes bytes = encode_checkpoint(made_up());
  bytes[8] = std::byte{9};
  try {
    decode_checkpoint(bytes);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.reason(), "it has format version 9, this program reads version 2");
  }
  bytes[0] = std::byte{0};
  EXPECT_THROW(decode_checkpoint(bytes), InputError);
}

TEST(Checkpoint, HoldsNoTensorsOfOtherTypes) {
  Checkpoint checkpoint = made_up();
  checkpoint.state["network"]["theta"] = at::zeros({2}, at::kHalf);
  EXPECT_THROW(encode_checkpoint(checkpoint), std::invalid_argument);
}

}  // namespace
}  // namespace edgesweep

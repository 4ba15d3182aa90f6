#include "engine/base/digest.hpp"

#include <gtest/gtest.h>

#include <string>

namespace edgesweep {
namespace {

// Expected values: FIPS 180-2, appendix B.
TEST(Digest, AgreesWithThePublishedVectors) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, TakesEmptyAndBinaryInput) {
  // printf '' | sha256sum; printf '\0\377' | sha256sum
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::byte bytes[] = {std::byte{0}, std::byte{255}};
  EXPECT_EQ(sha256_hex(std::span<const std::byte>(bytes)),
            "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8");
}

}  // namespace
}  // namespace edgesweep

#include "engine/spec/object_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/engine/spec/fake_catalog.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

ObjectReader reader_of(const std::string& text) {
  return {Json::parse(text), "s.json", "a"};
}

/// What is said of {"x": value} read as a number in `range`.
std::string refused_number(const std::string& value, Range range) {
  return message_of([&] { reader_of("{\"x\": " + value + "}").number("x", range); });
}

TEST(ObjectReader, ReadsEachKindOfValue) {
  ObjectReader reader =
      reader_of(R"({"n": 2, "i": 3.0, "b": true, "t": "x", "c": "two", "ns": [1, 2.5], "is": [1, 2.0],
                                      "o": {"y": 1}, "r": [null]})");
  EXPECT_EQ(reader.number("n", Range::any()), 2.0);
  EXPECT_EQ(reader.integer("i", 0, 10), 3);
  EXPECT_TRUE(reader.boolean("b"));
  EXPECT_EQ(reader.text("t"), "x");
  EXPECT_EQ(reader.choice("c", {"one", "two"}), "two");
  EXPECT_THAT(reader.numbers("ns", Range::positive()), ElementsAre(1.0, 2.5));
  EXPECT_THAT(reader.integers("is", 0, 10), ElementsAre(1, 2));
  EXPECT_EQ(reader.object("o").integer("y", 0, 10), 1);
  EXPECT_EQ(reader.raw("r"), Json::parse("[null]"));
  EXPECT_NO_THROW(reader.finish());
}

TEST(ObjectReader, AbsentKeysTakeTheFallback) {
  ObjectReader reader = reader_of("{}");
  EXPECT_FALSE(reader.has("n"));
  EXPECT_EQ(reader.number("n", Range::positive(), 0.5), 0.5);
  EXPECT_EQ(reader.integer("i", 0, 10, 4), 4);
  EXPECT_FALSE(reader.boolean("b", false));
  EXPECT_EQ(reader.text("t", "x"), "x");
  EXPECT_EQ(reader.choice("c", {"one", "two"}, "one"), "one");
  EXPECT_NO_THROW(reader.object("o", true).finish());
}

TEST(ObjectReader, AbsentKeysWithoutAFallbackAreNamed) {
  const std::string message = "s.json: a.x: is missing; it has no default";
  EXPECT_EQ(message_of([] { reader_of("{}").number("x", Range::any()); }), message);
  EXPECT_EQ(message_of([] { reader_of("{}").integers("x", 0, 1); }), message);
  EXPECT_EQ(message_of([] { reader_of("{}").object("x"); }), message);
  EXPECT_EQ(message_of([] { reader_of("{}").raw("x"); }), message);
}

TEST(ObjectReader, RangesAreSaidInWords) {
  EXPECT_EQ(refused_number("\"1\"", Range::any()), "s.json: a.x: is \"1\"; must be a number");
  EXPECT_EQ(refused_number("0", Range::positive()), "s.json: a.x: is 0; must be a number > 0");
  EXPECT_EQ(refused_number("-1", Range::not_negative()), "s.json: a.x: is -1; must be a number >= 0");
  EXPECT_EQ(refused_number("1", Range::at_least(2.5)), "s.json: a.x: is 1; must be a number >= 2.5");
  EXPECT_EQ(refused_number("7", Range::between(-1, 1)), "s.json: a.x: is 7; must be a number from -1 to 1");
  EXPECT_EQ(refused_number("1", {0, 1, false, true}), "s.json: a.x: is 1; must be a number >= 0 and < 1");
  EXPECT_EQ(refused_number("0", {0, 1, true, false}), "s.json: a.x: is 0; must be a number > 0 and <= 1");
}

TEST(ObjectReader, ValuesThatAreNoFiniteNumbersAreRefused) {
  const ObjectReader reader({{"x", std::numeric_limits<double>::quiet_NaN()}}, "s.json", "");
  EXPECT_EQ(message_of([copy = reader]() mutable { copy.number("x", Range::any()); }),
            "s.json: x: is null; must be a number");
}

TEST(ObjectReader, MinusZeroIsZero) {
  EXPECT_FALSE(std::signbit(reader_of(R"({"x": -0.0})").number("x", Range::not_negative())));
}

TEST(ObjectReader, IntegersAreReadToTheLimitsOfTheirType) {
  const auto read = [](const std::string& value) {
    return reader_of("{\"x\": " + value + "}")
        .integer("x", std::numeric_limits<std::int64_t>::min(), largest);
  };
  EXPECT_EQ(read("9223372036854775807"), largest);
  EXPECT_EQ(read("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read("1e18"), 1000000000000000000);
  for (const char* value :
       {"9223372036854775808", "1e19", "9223372036854775808.0", "-1e300", "0.5", "true"}) {
    EXPECT_THROW(read(value), InputError) << value;
  }
}

TEST(ObjectReader, OtherTypesAreSaidInWords) {
  const auto with = [](auto get) { return message_of([&] { get(reader_of(R"({"x": [1]})")); }); };
  EXPECT_EQ(with([](ObjectReader r) { r.boolean("x"); }), "s.json: a.x: is [1]; must be true or false");
  EXPECT_EQ(with([](ObjectReader r) { r.text("x"); }), "s.json: a.x: is [1]; must be a string");
  EXPECT_EQ(with([](ObjectReader r) {
              r.choice("x", {"b", "a"});
            }),
            "s.json: a.x: is [1]; must be one of b, a");
  EXPECT_EQ(with([](ObjectReader r) { r.object("x"); }), "s.json: a.x: is [1]; must be an object");
  EXPECT_EQ(with([](ObjectReader r) { r.integers("x", 2, 3); }),
            "s.json: a.x[0]: is 1; must be an integer from 2 to 3");
  EXPECT_EQ(with([](ObjectReader r) { r.numbers("x", Range::at_least(2)); }),
            "s.json: a.x[0]: is 1; must be a number >= 2");
}

TEST(ObjectReader, KeysThatNobodyReadAreUnknown) {
  ObjectReader reader = reader_of(R"({"x": 1, "y": 2, "z": 3})");
  reader.number("z", Range::any());
  reader.has("w");
  EXPECT_EQ(message_of([&] { reader.finish(); }), "s.json: a.x: unknown key; allowed are w, z");
}

TEST(ObjectReader, PathsJoinAtTheRootAndBelow) {
  const ObjectReader root(Json::object(), "s.json", "");
  EXPECT_EQ(root.path_of("x"), "x");
  EXPECT_EQ(root.path_of(""), "");
  EXPECT_EQ(reader_of("{}").path_of("x"), "a.x");
  EXPECT_EQ(reader_of("{}").path_of(""), "a");
  EXPECT_EQ(message_of([&] { root.fail("", "is odd"); }), "s.json: is odd");
}

}  // namespace
}  // namespace edgesweep

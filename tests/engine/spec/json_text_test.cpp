#include "engine/spec/json_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/spec/fake_catalog.hpp"

namespace edgesweep {
namespace {

using testing::StartsWith;

std::string refusal(const std::string& text) {
  return message_of([&] { parse_json(text, "s.json"); });
}

TEST(JsonText, ReadsWhatTheLibraryReads) {
  const auto text =
      R"({"a": [1, -2, 3.5, true, false, null, "x\u03b7", {}, [], [[1], {"b": {"c": [2]}}]], "d": "η"})";
  EXPECT_EQ(parse_json(text, "s.json"), Json::parse(text));
  EXPECT_EQ(parse_json(" 3 ", "s.json"), Json(3));
}

TEST(JsonText, SyntaxErrorsNameLineAndColumn) {
  EXPECT_THAT(refusal("{\"name\": \"x\",\n  \"grid\": [}"),
              StartsWith("s.json: line 2, column 12: syntax error while parsing value - unexpected '}'"));
  EXPECT_THAT(refusal("}"), StartsWith("s.json: line 1, column 1: syntax error"));
  EXPECT_THAT(refusal("\n\n{"), StartsWith("s.json: line 3, column 2: syntax error"));
  EXPECT_THAT(refusal("{} {}"), StartsWith("s.json: line 1, column 4: syntax error"));
  EXPECT_THAT(refusal("{\"a\": 1,}"), StartsWith("s.json: line 1, column 9: syntax error"));
}

TEST(JsonText, AnEmptyTextIsNoJson) {
  EXPECT_EQ(refusal(""), "s.json: is empty; JSON is expected");
  EXPECT_EQ(refusal(" \n"), "s.json: is empty; JSON is expected");
}

TEST(JsonText, NumbersThatAreNoneAreRefused) {
  EXPECT_EQ(refusal("{\n\"a\": 1e999}"), "s.json: line 2, column 10: 1e999 is too large for a number");
  EXPECT_EQ(refusal("[-1e999]"), "s.json: line 1, column 7: -1e999 is too large for a number");
  for (const char* text : {"[NaN]", "[Infinity]", "[nan]", "[0x10]", "[.5]", "[01]", "[+1]"}) {
    EXPECT_THAT(refusal(text), StartsWith("s.json: line 1, column ")) << text;
  }
}

TEST(JsonText, InvalidUtf8IsRefused) {
  EXPECT_THAT(refusal("[\"\xff\"]"), StartsWith("s.json: line 1, column 3: "));
}

TEST(JsonText, DuplicateKeysAreNamed) {
  EXPECT_EQ(refusal(R"({"seeds": 2, "seeds": 2})"), "s.json: seeds: the key appears twice in its object");
  EXPECT_EQ(refusal(R"({"a": {"x": 1}, "grid": [{"x": [1]}, {"b": 1, "c": {"b": 1, "x": 1, "x": 2}}]})"),
            "s.json: grid[1].c.x: the key appears twice in its object");
  EXPECT_EQ(refusal(R"([[{}, {"a": 1, "a": 1}]])"), "s.json: [0][1].a: the key appears twice in its object");
}

TEST(JsonText, DeepNestingIsRefused) {
  EXPECT_NO_THROW(parse_json(std::string(100, '[') + std::string(100, ']'), "s.json"));
  EXPECT_EQ(refusal(std::string(1000000, '[')), "s.json: is nested deeper than 100 levels");
}

}  // namespace
}  // namespace edgesweep

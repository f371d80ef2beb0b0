#include "runtime/data/row_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"

namespace muster::data {
namespace {

std::string refusal(const std::string& line) {
  try {
    parse_row(line);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_TRUE(error.faults().at(0).where.empty());
    return error.what();
  }
  return "taken";
}

TEST(RowJson, NumbersKeepTheirDigits) {
  const auto row = parse_row(
      R"({"a":18446744073709551616,"b":15511210043330985984000000,"c":1e22,"d":1e-7,"e":0.10000000000000001,"f":-2.50,)"
      R"("g":7,"h":-9223372036854775808,"i":18446744073709551615})");
  const auto text = [&](const char* key) {
    return row[key].is_string() ? row[key].get<std::string>() : row[key].dump();
  };
  EXPECT_EQ(text("a"), "18446744073709551616");
  EXPECT_EQ(text("b"), "15511210043330985984000000");
  EXPECT_EQ(text("c"), "1e22");
  EXPECT_EQ(text("d"), "1e-7");
  EXPECT_EQ(text("e"), "0.10000000000000001");
  EXPECT_EQ(text("f"), "-2.50");
  EXPECT_EQ(text("g"), "7");
  EXPECT_EQ(text("h"), "-9223372036854775808");
  EXPECT_EQ(text("i"), "18446744073709551615");
}

TEST(RowJson, EverythingElseIsWhatAParserMakesOfIt) {
  for (const char* line :
       {R"({"a":[1,[2,{"b":null}],"x"],"c":{"d":{"e":true}},"f":[],"g":{},"h":"é\u00e9\n"})", R"({"a":1,"a":2})", "{}"})
    EXPECT_EQ(parse_row(line), nlohmann::json::parse(line)) << line;
  EXPECT_EQ(parse_row("\xEF\xBB\xBF{\"a\":1}")["a"], 1) << "a byte order mark";
}

TEST(RowJson, WhatIsNoRowIsRefusedWithItsReason) {
  EXPECT_EQ(refusal("[1]"), "the row is no object but array");
  EXPECT_NE(refusal("{\"a\":1").find("this is no JSON"), std::string::npos);
  EXPECT_NE(refusal("{'a':1}").find("this is no JSON"), std::string::npos);
  EXPECT_NE(refusal("{\"a\":1e999}").find("this is no JSON"), std::string::npos);
  EXPECT_EQ(refusal("{\"a\":\"caf\xE9\"}"), "this is no UTF-8: byte 10 of the line is 233");
  EXPECT_NE(refusal(std::string(100'000, '[')).find("nested deeper"), std::string::npos);
  EXPECT_NE(refusal("").find("this is no JSON"), std::string::npos);
}

}  // namespace
}  // namespace muster::data

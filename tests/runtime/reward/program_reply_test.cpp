#include "runtime/reward/program_reply.h"

#include <gtest/gtest.h>

namespace muster::reward {
namespace {

TEST(ProgramReply, AVerdictHasAnIdAndAFiniteNumber) {
  for (const auto& [line, reward] :
       std::vector<std::pair<const char*, double>>{{R"({"id": 7, "reward": 0.25})", 0.25},
                                                   {R"({"reward":-3,"id":7,"why":{"id":1,"reward":[2]}})", -3},
                                                   {R"({"id": 7.0, "reward": true})", 1},
                                                   {"  {\"id\": 7, \"reward\": false}\r", 0}}) {
    const ProgramReply reply = read_program_reply(line);
    EXPECT_EQ(reply.id, 7) << line;
    EXPECT_EQ(reply.reward, reward) << line;
    EXPECT_EQ(reply.fault, "") << line;
  }
}

TEST(ProgramReply, WhatIsNoVerdictStillNamesItsAnswer) {
  const std::string want = "; want {\"id\": 7, \"reward\": number}";
  for (const auto& [line, fault] : std::vector<std::pair<const char*, std::string>>{
           {R"({"id": 7, "reward": null})", "\"reward\" is null" + want},
           {R"({"id": 7, "reward": "1.0"})", "\"reward\" is text" + want},
           {R"({"id": 7, "reward": [1.0]})", "\"reward\" is a list" + want},
           {R"({"id": 7, "reward": {}})", "\"reward\" is an object" + want},
           {R"({"id": 7})", "no \"reward\"" + want},
           {R"({"id": 7, "text": "x", "score": 1})",
            "no \"reward\"" + want + "; did you mean \"reward\" where it says \"score\"?"},
           {R"({"id": 7, "reward": NaN})", "\"reward\" is NaN, which is no number"},
           {R"({"id": 7, "reward": -Infinity})", "\"reward\" is -Infinity, which is no number"},
           {R"({"reward": 1e999, "id": 7})", "\"reward\" is too large for a number"},
           {R"({"id": 7, "reward": 1} and more)", "this is no JSON"},
           {R"({"id": 7, "reward": 1)", "this is no JSON"},
           {R"({"id": "7", "reward": 1})", "\"id\" is text; want the number that was sent, 7"}}) {
    const ProgramReply reply = read_program_reply(line);
    EXPECT_EQ(reply.id, 7) << line;
    EXPECT_EQ(reply.reward, std::nullopt) << line;
    EXPECT_EQ(reply.fault, fault) << line;
  }
}

TEST(ProgramReply, OtherLinesBelongToNoAnswer) {
  for (const std::string line :
       {"", "  ", "loading", "7", "[7, 1]", "null", "{}", R"({"reward": 1})", R"({"id": null, "reward": 1})",
        R"({"id": "seven", "reward": 1})", R"({"id": 7.5, "reward": 1})", R"({"id": 1e300, "reward": 1})",
        R"({"id": 18446744073709551615, "reward": 1})", "{\"id\"", "{\"id\":", "{\"id\" 7}"})
    EXPECT_EQ(read_program_reply(line).id, std::nullopt) << line;
  EXPECT_EQ(read_program_reply(std::string(1 << 20, '{')).id, std::nullopt);
}

TEST(ProgramReply, AShownLineIsShortAndPrintable) {
  EXPECT_EQ(shown_line(std::string("a\0b\tc", 5)), "a b c");
  EXPECT_EQ(shown_line(std::string(500, 'x')), std::string(160, 'x') + "...");
}

}  // namespace
}  // namespace muster::reward

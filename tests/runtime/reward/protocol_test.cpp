#include "runtime/reward/protocol.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::reward {
namespace {

TEST(Protocol, LinesAreAsWrittenDown) {
  EXPECT_EQ(request_line({.id = 7, .kind = "math", .answer = "... 42\n", .gold = "42"}),
            "{\"id\":7,\"kind\":\"math\",\"answer\":\"... 42\\n\",\"gold\":\"42\"}\n");
  EXPECT_EQ(reply_line({.id = 7, .grade = {1, Outcome::graded}}), "{\"id\":7,\"reward\":1.0,\"outcome\":\"graded\"}\n");
}

TEST(Protocol, GoesThereAndBack) {
  const Request request{.id = -3,
                        .kind = "exact",
                        .answer = std::string("a\0\n\"é", 6),
                        .gold = "{}",
                        .settings = {.trim = false,
                                     .ignore_case = true,
                                     .percent = false,
                                     .after_thinking = false,
                                     .thinking_tags = {"note"},
                                     .in_thinking = true}};
  const Request again = parse_request(request_line(request));
  EXPECT_EQ(again.id, request.id);
  EXPECT_EQ(again.kind, request.kind);
  EXPECT_EQ(again.answer, request.answer);
  EXPECT_EQ(again.gold, request.gold);
  EXPECT_EQ(again.settings, request.settings);
  const Reply reply = parse_reply(reply_line({.id = 9, .grade = {0.25, Outcome::timeout}}));
  EXPECT_EQ(reply.id, 9);
  EXPECT_EQ(reply.grade, (Grade{0.25, Outcome::timeout}));
}

TEST(Protocol, BytesThatAreNoUtf8AreReplaced) {
  EXPECT_EQ(parse_request(request_line({.id = 1, .kind = "exact", .answer = "a\xFF", .gold = ""})).answer,
            "a\xEF\xBF\xBD");
}

TEST(Protocol, BrokenLinesAreRefused) {
  for (const char* line :
       {"", "{", "[]", "3", "{\"id\":1}", "{\"id\":\"x\",\"kind\":\"a\",\"answer\":\"b\",\"gold\":\"c\"}",
        "{\"id\":1,\"kind\":1,\"answer\":\"b\",\"gold\":\"c\"}",
        "{\"id\":1,\"kind\":\"a\",\"answer\":\"b\",\"gold\":\"c\",\"settings\":{\"trim\":1}}"})
    EXPECT_THROW(parse_request(line), Error) << line;
  for (const char* line :
       {"", "{}", "{\"id\":1,\"reward\":\"x\",\"outcome\":\"graded\"}", "{\"id\":1,\"reward\":1,\"outcome\":\"fine\"}"})
    EXPECT_THROW(parse_reply(line), Error) << line;
}

}  // namespace
}  // namespace muster::reward

#include "runtime/spec/exit_cause.h"

#include <gtest/gtest.h>

namespace muster::spec {
namespace {

TEST(ExitCause, TheRankThatDiedComesBeforeThoseThatLostIt) {
  const std::vector<ExitRecord> records{{.rank = 0, .code = 4, .message = "connection closed by peer"},
                                        {.rank = 1, .signal = 15, .ended_by_agent = true},
                                        {.rank = 2, .signal = 11},
                                        {.rank = 3}};
  EXPECT_EQ(cause_of(records)->rank, 2);
  EXPECT_EQ(exit_code_of(*cause_of(records)), 4);
}

TEST(ExitCause, ATermThatReachedTheRankFirstIsNoCauseBesideAnother) {
  const std::vector<ExitRecord> records{{.rank = 0, .signal = 15}, {.rank = 1, .code = 4}, {.rank = 2, .signal = 11}};
  EXPECT_EQ(cause_of(records)->rank, 2);
  EXPECT_EQ(cause_of({{.rank = 0, .signal = 15}, {.rank = 1}})->rank, 0) << "alone it is one";
}

TEST(ExitCause, ARefusalKeepsItsCode) {
  const std::vector<ExitRecord> records{{.rank = 0, .code = 4}, {.rank = 1, .code = 2}};
  EXPECT_EQ(cause_of(records)->rank, 1);
  EXPECT_EQ(exit_code_of(*cause_of(records)), 2);
  EXPECT_EQ(exit_code_of(ExitRecord{.code = 1}), 4);
}

TEST(ExitCause, ASilentRankIsACauseAndNoSuccess) {
  const std::vector<ExitRecord> records{{.rank = 0, .signal = 9, .silent = true}};
  EXPECT_EQ(exit_code_of(*cause_of(records)), 4);
  EXPECT_EQ(cause_of({{.rank = 0}, {.rank = 1}}), nullptr);
}

}  // namespace
}  // namespace muster::spec

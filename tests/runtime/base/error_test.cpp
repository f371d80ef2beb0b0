#include "runtime/base/error.h"

#include <gtest/gtest.h>

namespace muster::base {
namespace {

TEST(Error, SaysWhatWhereAndFix) {
  const Error error =
      Error::user({.what = "unknown key 'tp_size'", .where = "job.toml:3:1", .fix = "did you mean 'tp'?"});
  EXPECT_STREQ(error.what(), "job.toml:3:1: unknown key 'tp_size'\n    did you mean 'tp'?");
  EXPECT_EQ(error.exit_code(), 2);
}

TEST(Error, EachKindHasItsExitCode) {
  EXPECT_EQ(Error::cluster({.what = "x"}).exit_code(), 3);
  EXPECT_EQ(Error::rank({.what = "x"}).exit_code(), 4);
  EXPECT_EQ(Error::defect({.what = "x"}).exit_code(), 70);
}

TEST(Faults, AreReportedTogether) {
  Faults faults;
  EXPECT_NO_THROW(faults.throw_if_any());
  faults.add({.what = "one"});
  faults.add({.what = "two", .where = "here"});
  try {
    faults.throw_if_any();
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "one\nhere: two");
    EXPECT_EQ(error.faults().size(), 2u);
  }
}

TEST(Invariant, NamesTheConditionAndItsReason) {
  try {
    INVARIANT(1 + 1 == 3, "sums are sums");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::defect);
    EXPECT_NE(std::string(error.what()).find("sums are sums (1 + 1 == 3)"), std::string::npos);
  }
}

}  // namespace
}  // namespace muster::base

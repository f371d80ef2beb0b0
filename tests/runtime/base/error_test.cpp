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

TEST(Error, WhatOthersWroteIsShownWithoutItsControlCharactersAndNotWithoutEnd) {
  const Error error = Error::user(
      {.what = "unknown key '\x1b[2J\x7f\x01\r" + std::string(20'000'000, 'k') + "'", .where = "job\x9d.toml:1\n2"});
  const std::string shown = error.what();
  EXPECT_NE(shown.find("unknown key '\\x1b[2J\\x7f\\x01\\x0dkk"), std::string::npos) << shown.substr(0, 80);
  EXPECT_NE(shown.find("... (20000021 bytes)"), std::string::npos);
  EXPECT_TRUE(shown.starts_with("job\xEF\xBF\xBD.toml:1\n2: ")) << shown.substr(0, 40);
  EXPECT_LT(shown.size(), 10'000u);
}

TEST(Error, OfManyFaultsTheFirstHundredAreShown) {
  const Error error(ErrorKind::user, std::vector<Fault>(300'000, Fault{"unknown key", "job.toml:1", ""}));
  EXPECT_EQ(error.faults().size(), 101u);
  EXPECT_EQ(error.faults().back().what, "and 299900 more faults");
}

}  // namespace
}  // namespace muster::base

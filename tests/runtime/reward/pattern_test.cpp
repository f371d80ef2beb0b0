#include "runtime/reward/pattern.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"

namespace muster::reward {
namespace {

TEST(Pattern, FindsAndReplaces) {
  const Pattern pattern("(\\d)(x)?");
  EXPECT_EQ(pattern.find_all("1x 2").size(), 2U);
  EXPECT_TRUE(pattern.find("1x")->groups[2].set);
  EXPECT_FALSE(pattern.find("1")->groups[2].set);
  EXPECT_EQ(pattern.replaced("a1xb2", "-"), "a-b-");
  EXPECT_EQ(Pattern("b*").find_all("abab").size(), 5U) << "empty matches move on";
  EXPECT_EQ(Pattern("é").find_all("caf\xc3\xa9 \xff \xc3\xa9").size(), 2U) << "bytes that are no UTF-8 match nothing";
}

TEST(Pattern, WhatRunsAwayIsStopped) {
  const base::Stopwatch watch;
  bool ran_away = false;
  EXPECT_FALSE(Pattern("^(a+)+$").find(std::string(40, 'a') + "b", 0, &ran_away));
  EXPECT_TRUE(ran_away);
  EXPECT_LT(watch.elapsed_s(), 5);
}

TEST(Pattern, AFaultHasItsPlace) {
  try {
    const Pattern pattern("a(b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("character 4"), std::string::npos) << error.what();
  }
}

TEST(Pattern, MayBeUsedBySeveralThreads) {
  const Pattern pattern(R"((a+)(b*))");
  std::vector<std::jthread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      const std::string text = std::string(static_cast<std::size_t>(t), 'a') + "bb";
      for (int i = 0; i < 2000; ++i) wrong += pattern.find(text)->groups[1].end != static_cast<std::size_t>(t) ? 1 : 0;
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(Pattern, MoreGroupsThanItHasRoomForAreRefused) {
  std::string groups;
  for (int i = 0; i < 256; ++i) groups += "(a)?";
  EXPECT_THROW(Pattern{groups}, Error);
}

}  // namespace
}  // namespace muster::reward

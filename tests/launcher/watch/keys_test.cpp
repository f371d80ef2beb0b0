#include "launcher/watch/keys.h"

#include <gtest/gtest.h>

namespace muster::watch {
namespace {

using Keys = std::vector<Key>;

TEST(Keys, ArrowsInBothFormsLettersAndTheLoneEscape) {
  EXPECT_EQ(parse_keys("\x1b[A\x1bOB"), (Keys{Key::up, Key::down}));
  EXPECT_EQ(parse_keys("\x1b[1;5C\x1b[D"), (Keys{Key::right, Key::left})) << "with Control held";
  EXPECT_EQ(parse_keys("\x1b"), Keys{Key::back});
  EXPECT_EQ(parse_keys("jk\r"), (Keys{Key::down, Key::up, Key::enter}));
  EXPECT_EQ(parse_keys("xq"), Keys{Key::leave});
}

TEST(Keys, WhatHasNoMeaningIsPassedOver) {
  EXPECT_EQ(parse_keys("\x1b[5~\x1b[200~z\xc3\xa9"), Keys{});
  EXPECT_EQ(parse_keys("\x1b["), Keys{}) << "a sequence that was cut off";
  EXPECT_EQ(parse_keys(""), Keys{});
}

}  // namespace
}  // namespace muster::watch

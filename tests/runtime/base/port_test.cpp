#include "runtime/base/port.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::base {
namespace {

TEST(Port, PortsFollowFromTheIdAndLieBelowTheEphemeralOnes) {
  const auto all_free = [](std::int64_t) { return true; };
  const std::int64_t first = choose_port("abc", 32768, all_free);
  EXPECT_EQ(choose_port("abc", 32768, all_free), first);
  EXPECT_NE(choose_port("abc", 32768, [&](std::int64_t port) { return port != first; }), first);
  for (int i = 0; i < 500; ++i) {
    const std::int64_t port = choose_port(std::to_string(i), 32768, all_free);
    EXPECT_GE(port, 1024);
    EXPECT_LT(port, 32768);
  }
  EXPECT_THROW(choose_port("abc", 32768, [](std::int64_t) { return false; }), Error);
  EXPECT_GT(ephemeral_begin(), 2048);
}

}  // namespace
}  // namespace muster::base

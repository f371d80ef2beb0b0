#include "runtime/base/cpu_list.h"

#include <gtest/gtest.h>

namespace muster::base {
namespace {

TEST(CpuList, ComesBackAsItWas) {
  for (const char* list : {"0", "0-13,112-125", "0,2,4", "7-8"})
    EXPECT_EQ(cpu_list_text(parse_cpu_list(list).value()), list);
  EXPECT_EQ(parse_cpu_list("1-7:3").value(), (std::vector<int>{1, 4, 7}));
  EXPECT_EQ(cpu_list_text({}), "");
}

TEST(CpuList, WhatIsNoListIsNone) {
  for (const char* list : {"", "a", "3-1", "0-1-2", "0-4:0", "70000", "-1", "1,,2", "1-"})
    EXPECT_FALSE(parse_cpu_list(list)) << list;
}

}  // namespace
}  // namespace muster::base

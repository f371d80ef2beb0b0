#include "launcher/keys/page.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "launcher/cluster/cluster.h"
#include "launcher/cluster/user_settings.h"
#include "runtime/base/text.h"

namespace muster::keys {
namespace {

/// Characters of UTF-8, each one column wide here.
std::int64_t columns_of(const std::string& line) {
  return std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

TEST(KeysPage, NoLineIsWiderThanAHundredColumns) {
  for (const std::string& page : {keys_page(spec::job_keys()), keys_page(cluster::cluster_keys()),
                                  keys_page(cluster::personal_keys()), step_fields_page(spec::step_fields())}) {
    EXPECT_GT(page.size(), 200U);
    for (const std::string& line : base::split(page, '\n')) EXPECT_LE(columns_of(line), 100) << line;
  }
}

TEST(KeysPage, AKeyStandsBelowItsTableWithDefaultTypeAndMeaning) {
  const std::string page = keys_page({{.key = "grpo.steps",
                                       .type = "integer",
                                       .unit = "steps",
                                       .fallback = "100",
                                       .meaning = "how long it trains",
                                       .range = ">= 0"}});
  EXPECT_EQ(page, "[grpo]\n  steps = 100                          integer >= 0, steps\n      how long it trains\n");
}

}  // namespace
}  // namespace muster::keys

// Layouts that are offered are plans that fit, on as many GPUs as before.
#include "launcher/tune/search.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>

#include "launcher/tune/tune.h"

namespace muster::tune {
namespace {

class Tune : public testing::Test {
 protected:
  Tune() {
    const std::string root = MUSTER_SOURCE_DIR;
    ::setenv("MUSTER_TEMPLATES", (root + "/templates").c_str(), 1);
    ::setenv("MUSTER_CLUSTERS", (root + "/clusters").c_str(), 1);
    ::setenv("MUSTER_CACHE", "/nonexistent/cache", 1);
    ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
  }
  const plan::Request request_{.job = "v0.5-grpo-llama3.1-8b-16xh100", .overrides = {}, .cluster = "dgx-h100"};
};

TEST_F(Tune, OffersLayoutsThatFitFromTheFastestWithTodaysAmongThem) {
  const Found found = search(request_);
  ASSERT_GT(found.candidates.size(), 3u);
  EXPECT_EQ(std::count_if(found.candidates.begin(), found.candidates.end(),
                          [](const Candidate& one) { return one.changes.empty(); }),
            1);
  for (std::size_t i = 0; i < found.candidates.size(); ++i) {
    const Candidate& one = found.candidates[i];
    EXPECT_EQ(one.train.ranks(), 16);
    EXPECT_EQ(one.generate.ranks(), 16);
    EXPECT_GE(one.free_gb, 0);
    if (i > 0) {
      EXPECT_LE(one.seconds.tokens_per_s_per_gpu, found.candidates[i - 1].seconds.tokens_per_s_per_gpu);
    }
  }
}

TEST_F(Tune, GivesTheWordsThatMakeEachLayout) {
  for (const Candidate& one : search(request_).candidates) {
    plan::Request again = request_;
    again.overrides = one.changes;
    const plan::Planned planned = plan::make_plan(again);
    EXPECT_EQ(planned.plan.train, one.train);
    EXPECT_EQ(planned.plan.generate, one.generate);
  }
}

TEST_F(Tune, ShowsTodaysLayoutHoweverSlowAndWhatItLoses) {
  plan::Request request = request_;
  request.overrides = {"grpo.steps=7"};
  const std::string page = tune_page(search(request), request);
  EXPECT_NE(page.find(" >tp 1 cp 1 pp 2"), std::string::npos) << page;
  EXPECT_NE(page.find("Today's loses"), std::string::npos) << page;
  EXPECT_NE(page.find("--cluster " + request_.cluster + " --set grpo.steps=7 --set "), std::string::npos) << page;
}

TEST_F(Tune, RefusesAClusterWithoutRates) {
  plan::Request request = request_;
  request.job = "reverse-digits";
  request.cluster = "local";
  EXPECT_THROW(search(request), Error);
}

}  // namespace
}  // namespace muster::tune

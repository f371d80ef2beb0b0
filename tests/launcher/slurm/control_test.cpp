#include "launcher/slurm/control.h"

#include <gtest/gtest.h>

namespace muster::slurm {
namespace {

TEST(Control, AForecastHasItsTime) {
  const Forecast forecast = parse_forecast(
      "sbatch: Job 3 to start at 2026-11-23T20:31:07 using 32 processors on nodes node[0-3] in partition batch\n", 0);
  EXPECT_TRUE(forecast.accepted);
  EXPECT_GT(forecast.start_s, 1'700'000'000);
}

TEST(Control, ARefusalKeepsSlurmsWords) {
  const Forecast forecast =
      parse_forecast("allocation failure: Requested partition configuration not available now\n", 1);
  EXPECT_FALSE(forecast.accepted);
  EXPECT_EQ(forecast.said, "Requested partition configuration not available now");
}

}  // namespace
}  // namespace muster::slurm

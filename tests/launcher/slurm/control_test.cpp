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

TEST(Control, AJobsIdIsFoundAmongWhateverAWrapperPrints) {
  EXPECT_EQ(parse_job_id("123\n"), "123");
  EXPECT_EQ(parse_job_id("123;lab\n"), "123");
  EXPECT_EQ(parse_job_id("sbatch: no partition specified, using default partition batch\n123\n"), "123");
  EXPECT_EQ(parse_job_id("123;lab\nyour project has 4711 GPU hours left\n"), "123");
  EXPECT_EQ(parse_job_id("Submitted batch job 123\n"), "123");
  EXPECT_EQ(parse_job_id("job filter 2.1: Submitted batch job 123 on cluster lab\n123\n"), "123");
  for (const char* none : {"", "job 123 is queued\n", "12a\n", "4711\n123\n"})
    EXPECT_EQ(parse_job_id(none), "") << none;
}

TEST(Control, JobsAreFoundByTheirLog) {
  const std::string lines = "7|/runs/a/slurm-%j.log\n8|/runs/ab/slurm-%j.log\n9|\n10|/runs/a/slurm-%j.log\nerror\n";
  EXPECT_EQ(jobs_with_log(lines, "/runs/a/slurm-"), (std::vector<std::string>{"7", "10"}));
  EXPECT_TRUE(jobs_with_log(lines, "/runs/x/slurm-").empty());
}

TEST(Control, AStepIsFoundByItsName) {
  EXPECT_EQ(step_named("7.0|preflight\n7.1|muster-5eed\n", "muster-5eed"), "7.1");
  EXPECT_EQ(step_named("7.1|muster-5eed2\n", "muster-5eed"), "");
}

}  // namespace
}  // namespace muster::slurm

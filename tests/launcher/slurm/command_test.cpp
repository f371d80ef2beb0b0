#include "launcher/slurm/command.h"

#include <gtest/gtest.h>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"

namespace muster::slurm {
namespace {

TEST(Command, KeepsOutputAndErrorsApart) {
  const CommandResult result = run_command({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, 10);
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
}

TEST(Command, IsKilledAtItsDeadline) {
  const base::Stopwatch watch;
  EXPECT_TRUE(run_command({"/bin/sleep", "20"}, 0.2).timed_out);
  EXPECT_LT(watch.elapsed_s(), 5);
}

TEST(Command, AMissingProgramIsAnError) { EXPECT_THROW(run_command({"no-such-program-anywhere"}, 1), Error); }

}  // namespace
}  // namespace muster::slurm

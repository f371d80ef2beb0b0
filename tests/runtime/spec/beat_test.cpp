#include "runtime/spec/beat.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/error.h"

namespace muster::spec {
namespace {

TEST(Beat, TheAgentReadsWhatARankWroteBeforeItDied) {
  Beat beat = Beat::make();
  const pid_t child = ::fork();
  if (child == 0) {
    Beat own = Beat::open(::dup(beat.fd()));
    own.page().beats = 41;
    ++own.page().beats;
    own.page().step = 7;
    set_text(own.page().last_call, "train.dp all_reduce #3 grads");
    ::_exit(9);  // without unmapping
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(beat.page().beats.load(), 42u);
  EXPECT_EQ(beat.page().step.load(), 7);
  EXPECT_EQ(text_of(beat.page().last_call), "train.dp all_reduce #3 grads");
}

TEST(Beat, LongTextsAreCutAndShortOnesLeaveNothingBehind) {
  std::array<char, 120> field{};
  set_text(field, std::string(500, 'x'));
  EXPECT_EQ(text_of(field).size(), 119u);
  set_text(field, "ab");
  EXPECT_EQ(text_of(field), "ab");
}

TEST(Beat, ADescriptorWithoutAPageIsRefused) {
  EXPECT_THROW(Beat::open(-1), Error);
  const int null_device = ::open("/dev/null", O_RDWR);
  EXPECT_THROW(Beat::open(null_device), Error);
  ::close(null_device);
}

}  // namespace
}  // namespace muster::spec

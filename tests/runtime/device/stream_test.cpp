// On a CPU streams and events are empty; their order over a GPU is tested on the asynchronous stand-in, with comm's.
#include "runtime/device/stream.h"

#include <gtest/gtest.h>

namespace muster::device {
namespace {

TEST(Stream, OfACpuIsEmptyAndNeverWaits) {
  const Device cpu;
  Stream stream(cpu, "copy");
  EXPECT_EQ(stream.ref().handle(), nullptr);
  Event begin(cpu, true), end(cpu, true);
  begin.record(stream.ref());
  begin.block(current_stream(cpu));
  end.record(current_stream(cpu));
  EXPECT_TRUE(end.done());
  end.synchronize();
  stream.ref().synchronize();
  EXPECT_EQ(Event::elapsed_ms(begin, end), 0);
  const CurrentStreamGuard guard(stream.ref());
  Stream moved = std::move(stream);
  EXPECT_EQ(moved.name(), "copy");
}

}  // namespace
}  // namespace muster::device

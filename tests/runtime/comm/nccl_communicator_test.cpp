// The NCCL form over the asynchronous stand-in, with real processes: every call, and what ends one.
#include "runtime/comm/nccl_communicator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "tests/runtime/comm/nccl_rank.h"

namespace muster::tests {
namespace {

class NcclCommunicator : public testing::TestWithParam<int> {};

TEST_P(NcclCommunicator, MovesAndReducesInOrderWithTheCallersStream) {
  run_ranks(GetParam(),
            [](RankContext& rank) {
              Gpu gpu;
              auto world = make_world(rank, gpu);
              for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kLong, at::kByte}) {
                SCOPED_TRACE(c10::toString(type));
                check_collectives(*world, gpu, type, 37);
                check_messages(*world, gpu, type);
              }
              check_collectives(*world, gpu, at::kFloat, 30011);
              world->barrier("end");
              world->close();
            },
            {.make_world = false});
}

TEST_P(NcclCommunicator, SplitsWorkSideBySide) {
  run_ranks(GetParam(),
            [](RankContext& rank) {
              Gpu gpu;
              auto world = make_world(rank, gpu);
              at::Tensor running = gpu.late(values(rank.rank, 3000, at::kFloat));
              world->all_reduce(running, Reduce::sum, "still under way");
              auto halves = world->split(rank.rank % 2, -rank.rank, "halves");
              auto all = world->split(0, rank.rank, "all");
              EXPECT_EQ(halves->size(), rank.size / 2);
              EXPECT_EQ(halves->rank(), rank.size == 2 ? 0 : (rank.rank < 2 ? 1 : 0));
              EXPECT_EQ(halves->world_rank(halves->rank()), rank.rank);
              if (halves->size() > 1) check_messages(*halves, gpu, at::kFloat);
              for (int i = 0; i < 3; ++i) {
                check_collectives(*all, gpu, at::kFloat, 11);
                if (halves->size() > 1) check_collectives(*halves, gpu, at::kFloat, 11);
              }
              EXPECT_EQ(world->split(-1, 0, "none"), nullptr);
              halves->close();
              all->close();
              world->close();
            },
            {.make_world = false});
}

INSTANTIATE_TEST_SUITE_P(Ranks, NcclCommunicator, testing::Values(2, 4));

device::StreamHandle compute_stream = nullptr;
int waits_of_compute = 0;

TEST(Nccl, OverlappedCallsHoldTheCallerBackOnlyWhereItWaits) {
  run_ranks(2,
            [](RankContext& rank) {
              device::CudaApi cuda = fake_cuda();
              cuda.stream_wait_event = [](device::StreamHandle stream, device::EventHandle event) {
                waits_of_compute += stream == compute_stream ? 1 : 0;
                return fake_cuda().stream_wait_event(stream, event);
              };
              Gpu gpu(cuda);
              compute_stream = gpu.compute();
              auto world = make_world(rank, gpu);
              const std::int64_t half = 5000;
              const at::Tensor sums = values(0, 2 * half, at::kFloat) + values(1, 2 * half, at::kFloat);
              for (int i = 0; i < 10; ++i) {
                const at::Tensor all = gpu.late(values(rank.rank, 2 * half, at::kFloat));
                at::Tensor own = gpu.keep(at::full({half}, 99, at::kFloat)), again = gpu.keep(own.clone());
                waits_of_compute = 0;
                const device::Event over = world->overlapped([&] {
                  world->reduce_scatter(own, all, Reduce::sum, "overlapped");
                  world->reduce_scatter(again, all, Reduce::sum, "overlapped too");
                });
                EXPECT_EQ(waits_of_compute, 0);
                over.block(device::current_stream(gpu.device()));
                const at::Tensor seen = gpu.seen(own), seen_too = gpu.seen(again);
                gpu.wait();
                EXPECT_TRUE(at::equal(seen, sums.narrow(0, rank.rank * half, half)));
                EXPECT_TRUE(at::equal(seen_too, seen));
              }
              world->close();
            },
            {.make_world = false});
}

TEST(Nccl, Fp8TravelsAsBytesAndIsNotReduced) {
  run_ranks(2,
            [](RankContext& rank) {
              const Gpu gpu;
              auto world = make_world(rank, gpu);
              const at::Tensor own = at::full({6}, rank.rank + 1, at::kFloat).to(at::kFloat8_e4m3fn);
              at::Tensor all = at::zeros({12}, at::kFloat).to(at::kFloat8_e4m3fn);
              world->all_gather(all, own, "fp8");
              gpu.wait();
              EXPECT_EQ(all[0].to(at::kFloat).item<float>(), 1);
              EXPECT_EQ(all[11].to(at::kFloat).item<float>(), 2);
              EXPECT_THROW(world->all_reduce(all, Reduce::sum, "fp8 sum"), Error);
              world->close();
            },
            {.make_world = false});
}

TEST(Nccl, ALateCallIsAbortedAndNamed) {
  const auto ends = ends_of_ranks(
      2,
      [](RankContext& rank) {
        static std::atomic<bool> told{false};
        const Gpu gpu;
        auto world = make_world(rank, gpu, 0.7, fake_nccl(), [](const std::string& failure) {
          EXPECT_NE(failure.find("'train.grads' (call 1 of world) did not complete within"), std::string::npos)
              << failure;
          told = true;
        });
        if (rank.rank == 1) return std::this_thread::sleep_for(std::chrono::milliseconds(1300));
        at::Tensor tensor = at::zeros({4});
        world->all_reduce(tensor, Reduce::sum, "train.grads");
        gpu.wait();  // set free by the abort
        EXPECT_TRUE(told || (std::this_thread::sleep_for(std::chrono::milliseconds(200)), told));
        world->all_reduce(tensor, Reduce::sum, "next");
      },
      {.make_world = false});
  EXPECT_EQ(ends[0].code, 4) << ends[0].output;
  EXPECT_NE(ends[0].output.find(
                "all_reduce 'next' (call 2 of world): 'train.grads' (call 1 of world) did not complete within"),
            std::string::npos)
      << ends[0].output;
}

TEST(Nccl, ADeadPeerEndsTheWaitAtOnce) {
  base::Stopwatch watch;
  const auto ends = ends_of_ranks(2,
                                  [](RankContext& rank) {
                                    const Gpu gpu;
                                    auto world = make_world(rank, gpu, 30);
                                    world->barrier("begin");
                                    if (rank.rank == 1) std::abort();
                                    world->barrier("grads");
                                  },
                                  {.make_world = false});
  EXPECT_EQ(ends[1].signal, SIGABRT);
  EXPECT_EQ(ends[0].code, 4);
  EXPECT_NE(ends[0].output.find("remote process exited"), std::string::npos) << ends[0].output;
  EXPECT_LT(watch.elapsed_s(), 10);
}

TEST(Nccl, ARankThatNeverComesIsAnErrorOfTheMeeting) {
  const auto ends = ends_of_ranks(2,
                                  [](RankContext& rank) {
                                    const Gpu gpu;
                                    if (rank.rank == 1)
                                      return std::this_thread::sleep_for(std::chrono::milliseconds(900));
                                    make_world(rank, gpu, 0.5);
                                  },
                                  {.make_world = false});
  EXPECT_EQ(ends[0].code, 3);
  EXPECT_NE(ends[0].output.find("the ranks of world did not come together"), std::string::npos) << ends[0].output;
}

TEST(Nccl, AbortFromAnotherThreadEndsTheCall) {
  run_ranks(2,
            [](RankContext& rank) {
              const Gpu gpu;
              auto world = make_world(rank, gpu, 30);
              if (rank.rank == 0) {
                std::jthread aborter([&] {
                  std::this_thread::sleep_for(std::chrono::milliseconds(100));
                  world->abort();
                });
                EXPECT_THROW(world->barrier("never"), Error);
                at::Tensor tensor = at::zeros({4});
                EXPECT_THROW(world->all_reduce(tensor, Reduce::sum, "nor later"), Error);
              } else {
                std::this_thread::sleep_for(std::chrono::milliseconds(400));
                EXPECT_THROW(world->barrier("nor here"), Error);
              }
            },
            {.make_world = false});
}

}  // namespace
}  // namespace muster::tests

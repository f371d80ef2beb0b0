// The NCCL form over the asynchronous stand-in, with real processes: every call, and each fault that a person could
// make in this code planted once, to show that the stand-in finds it.
#include "runtime/comm/nccl_communicator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/nccl_handle.h"
#include "tests/support/fake_cuda.h"
#include "tests/support/fake_nccl.h"
#include "tests/support/run_ranks.h"
#include "tests/support/tensor_support.h"

namespace muster::tests {
namespace {

using comm::Communicator;
using comm::Leg;
using comm::Reduce;

at::Tensor values(int rank, std::int64_t count, at::ScalarType type) {
  return ((at::arange(count, at::kLong) + 3 * rank) % 7).to(type);
}

/// A rank's GPU: tensors are written and read by kernels on its compute stream, which are late like everything else.
class Gpu {
 public:
  explicit Gpu(const device::CudaApi& cuda = fake_cuda())
      : device_{0, &cuda}, compute_(device_, "compute"), guard_(compute_.ref()) {}
  const device::Device& device() const { return device_; }
  device::StreamHandle compute() const { return compute_.ref().handle(); }
  /// Holds something else until the stream gets there.
  at::Tensor late(const at::Tensor& value) {
    at::Tensor tensor = keep(at::full_like(value, 99));
    fake_launch(compute(), [tensor, value]() mutable { tensor.copy_(value); });
    return tensor;
  }
  /// Lives as long as the GPU: what runs too late or too early writes wrong numbers, not other people's memory.
  at::Tensor keep(at::Tensor tensor) { return kept_.emplace_back(std::move(tensor)); }
  /// What a kernel after this line sees; valid after wait().
  at::Tensor seen(const at::Tensor& tensor) const {
    at::Tensor copy = at::full_like(tensor, 88);
    fake_launch(compute(), [copy, tensor]() mutable { copy.copy_(tensor); });
    return copy;
  }
  void wait() const { compute_.ref().synchronize(); }

 private:
  device::Device device_;
  device::Stream compute_;
  device::CurrentStreamGuard guard_;
  std::vector<at::Tensor> kept_;
};

std::unique_ptr<Communicator> make_world(RankContext& rank, const Gpu& gpu, double timeout_s = 20,
                                         const comm::NcclApi& nccl = fake_nccl(),
                                         std::function<void(const std::string&)> on_failure = {}) {
  return comm::make_nccl("world", rank.store, rank.rank, rank.size,
                         {gpu.device(), &nccl, timeout_s, std::move(on_failure)});
}

at::Tensor sum_of_all(int size, std::int64_t count, at::ScalarType type) {
  at::Tensor sum = at::zeros({count}, at::kLong);
  for (int rank = 0; rank < size; ++rank) sum += values(rank, count, at::kLong);
  return sum.to(type);
}

void check_collectives(Communicator& comm, Gpu& gpu, at::ScalarType type, std::int64_t count) {
  const int size = comm.size();
  at::Tensor sum = gpu.late(values(comm.rank(), count, type)), largest = gpu.late(values(comm.rank(), count, type));
  comm.all_reduce(sum, Reduce::sum, "sum");
  const at::Tensor seen_sum = gpu.seen(sum);
  comm.all_reduce(largest, Reduce::max, "max");
  const at::Tensor seen_largest = gpu.seen(largest);

  const at::Tensor own = gpu.late(values(comm.rank(), count, type));
  at::Tensor all = gpu.keep(at::zeros({count * size}, own.options()));
  comm.all_gather(all, own, "gather");
  const at::Tensor seen_all = gpu.seen(all);

  const at::Tensor parts = gpu.late(values(comm.rank(), count * size, type));
  at::Tensor share = gpu.keep(at::zeros({count}, own.options()));
  comm.reduce_scatter(share, parts, Reduce::sum, "scatter");
  const at::Tensor seen_share = gpu.seen(share);

  at::Tensor told = gpu.late(values(comm.rank(), count, type));
  comm.broadcast(told, size - 1, "tell");
  const at::Tensor seen_told = gpu.seen(told);
  gpu.wait();

  EXPECT_TRUE(same_bits(seen_sum, sum_of_all(size, count, type)));
  at::Tensor most = values(0, count, type);
  for (int rank = 1; rank < size; ++rank) most = at::max(most, values(rank, count, type));
  EXPECT_TRUE(same_bits(seen_largest, most));
  for (int rank = 0; rank < size; ++rank)
    EXPECT_TRUE(same_bits(seen_all.narrow(0, rank * count, count), values(rank, count, type)));
  EXPECT_TRUE(same_bits(seen_share, sum_of_all(size, count * size, type).narrow(0, comm.rank() * count, count)));
  EXPECT_TRUE(same_bits(seen_told, values(size - 1, count, type)));
}

void check_messages(Communicator& comm, Gpu& gpu, at::ScalarType type) {
  const int size = comm.size(), next = (comm.rank() + 1) % size, before = (comm.rank() + size - 1) % size;
  const at::Tensor first = gpu.late(values(comm.rank(), 5, type)),
                   second = gpu.late(values(comm.rank() + 10, 70000, type));
  const at::Tensor got_first = at::zeros_like(first), got_second = at::zeros_like(second),
                   got_own = at::zeros_like(first);
  comm.exchange(
      std::vector<Leg>{
          {next, true, &first}, {next, true, &second}, {before, false, &got_first}, {before, false, &got_second}},
      "ring");
  const at::Tensor seen_first = gpu.seen(got_first), seen_second = gpu.seen(got_second);
  comm.exchange(comm.rank() == 0 ? std::vector<Leg>{{1, true, &first}}
                                 : (comm.rank() == 1 ? std::vector<Leg>{{0, false, &got_own}} : std::vector<Leg>{}),
                "one way");
  const at::Tensor seen_own = gpu.seen(got_own);

  std::vector<std::int64_t> in_rows, out_rows;
  std::vector<at::Tensor> sent, expected;
  for (int peer = 0; peer < size; ++peer) {
    const bool none = comm.rank() == 0 && peer == 0;
    in_rows.push_back(none ? 0 : peer + 1);
    out_rows.push_back(none ? 0 : comm.rank() + 1);
    sent.push_back(at::full({in_rows.back(), 2}, comm.rank(), first.options()));
    expected.push_back(at::full({out_rows.back(), 2}, peer, first.options()));
  }
  const at::Tensor rows = gpu.late(at::cat(sent));
  at::Tensor received = at::zeros_like(at::cat(expected));
  comm.all_to_all_v(received, out_rows, rows, in_rows, "rows");
  const at::Tensor seen_rows = gpu.seen(received);
  gpu.wait();

  EXPECT_TRUE(same_bits(seen_first, values(before, 5, type)));
  EXPECT_TRUE(same_bits(seen_second, values(before + 10, 70000, type)));
  if (comm.rank() == 1) {
    EXPECT_TRUE(same_bits(seen_own, values(0, 5, type)));
  }
  EXPECT_TRUE(same_bits(seen_rows, at::cat(expected)));
}

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

// ---- planted faults: each must be found
// ------------------------------------------------------------------------------------------

/// The ranks end by a fault of the stand-in that says `said`.
void expect_fault(int size, const std::function<void(RankContext&)>& body, const std::string& said) {
  bool found = false;
  std::string all;
  for (const RankEnd& end : ends_of_ranks(size, body, {.grace_s = 0.5, .make_world = false})) {
    found = found || (end.code == kFaultCode && end.output.find(said) != std::string::npos);
    all += end.output;
  }
  EXPECT_TRUE(found) << "no rank said '" << said << "' but:\n" << all;
}

device::StreamHandle compute_of_fault = nullptr;

/// Runs reductions with a CUDA table that forgets some waits; true when a wrong number was seen on any rank.
bool wrong_numbers_with(const device::CudaApi& cuda) {
  bool wrong = false;
  for (const RankEnd& end : ends_of_ranks(2,
                                          [&](RankContext& rank) {
                                            Gpu gpu(cuda);
                                            compute_of_fault = gpu.compute();
                                            auto world = make_world(rank, gpu, 10);
                                            for (int i = 0; i < 20; ++i) check_collectives(*world, gpu, at::kFloat, 8);
                                          },
                                          {.make_world = false}))
    wrong = wrong || end.code == 1;
  return wrong;
}

TEST(NcclFault, WithoutFaultTheSameRunsAreRight) { EXPECT_FALSE(wrong_numbers_with(fake_cuda())); }

TEST(NcclFault, AMissingEventBeforeTheCallGivesWrongNumbers) {
  device::CudaApi cuda = fake_cuda();
  cuda.stream_wait_event = [](device::StreamHandle stream, device::EventHandle event) {
    return stream == compute_of_fault ? fake_cuda().stream_wait_event(stream, event) : 0;
  };
  EXPECT_TRUE(wrong_numbers_with(cuda));
}

TEST(NcclFault, AMissingEventAfterTheCallGivesWrongNumbers) {
  device::CudaApi cuda = fake_cuda();
  cuda.stream_wait_event = [](device::StreamHandle stream, device::EventHandle event) {
    return stream != compute_of_fault ? fake_cuda().stream_wait_event(stream, event) : 0;
  };
  EXPECT_TRUE(wrong_numbers_with(cuda));
}

void use_two_in_turned_order(RankContext& rank, double timeout_s, bool on_one_stream) {
  const Gpu gpu, second;
  auto world = make_world(rank, gpu, timeout_s);
  auto a = world->split(0, 0, "a"), b = world->split(0, 0, "b");
  at::Tensor x = at::zeros({4}), y = at::zeros({4});
  const auto call = [&](Communicator& comm, at::Tensor& tensor, const char* label, const Gpu& on) {
    const device::CurrentStreamGuard guard({on.device(), on.compute()});
    comm.all_reduce(tensor, Reduce::sum, label);
  };
  call(rank.rank == 0 ? *a : *b, x, "first", gpu);
  call(rank.rank == 0 ? *b : *a, y, "second", on_one_stream ? gpu : second);
  gpu.wait();
  second.wait();
  world->barrier("after");
}

TEST(NcclFault, TwoCommunicatorsInAnotherOrderOnTwoStreams) {
  expect_fault(
      2, [](RankContext& rank) { use_two_in_turned_order(rank, 10, false); },
      "use their communicators in different orders");
}

TEST(NcclFault, TwoCommunicatorsInAnotherOrderOnOneStreamHangUntilTheLimit) {
  for (const RankEnd& end :
       ends_of_ranks(2, [](RankContext& rank) { use_two_in_turned_order(rank, 0.7, true); }, {.make_world = false}))
    EXPECT_EQ(end.code, 4) << end.output;
}

TEST(NcclFault, UnequalSizes) {
  expect_fault(
      2,
      [](RankContext& rank) {
        const Gpu gpu;
        auto world = make_world(rank, gpu);
        at::Tensor tensor = at::zeros({rank.rank == 0 ? 3 : 4});
        world->all_reduce(tensor, Reduce::sum, "sizes");
        gpu.wait();
      },
      "calls all_reduce of 3 x type 7");
  expect_fault(
      2,
      [](RankContext& rank) {
        const Gpu gpu;
        auto world = make_world(rank, gpu);
        const at::Tensor tensor = at::zeros({rank.rank == 0 ? 3 : 4});
        world->exchange(std::vector<Leg>{{1 - rank.rank, rank.rank == 0, &tensor}}, "sizes");
        gpu.wait();
      },
      "calls a message of 3 x type 7");
}

TEST(NcclFault, UnequalTypes) {
  expect_fault(
      2,
      [](RankContext& rank) {
        const Gpu gpu;
        auto world = make_world(rank, gpu);
        at::Tensor tensor = at::zeros({4}, rank.rank == 0 ? at::kFloat : at::kInt);
        world->all_reduce(tensor, Reduce::sum, "types");
        gpu.wait();
      },
      "type 2");
}

TEST(NcclFault, DifferentCallsOnOneCommunicator) {
  expect_fault(
      2,
      [](RankContext& rank) {
        const Gpu gpu;
        auto world = make_world(rank, gpu);
        at::Tensor tensor = at::zeros({4});
        if (rank.rank == 0)
          world->broadcast(tensor, 0, "tell");
        else
          world->all_reduce(tensor, Reduce::sum, "sum");
        gpu.wait();
      },
      "calls broadcast of 4");
}

/// The handle alone, without the communicator that keeps its rules.
void with_handle(RankContext& rank, const comm::NcclApi& nccl,
                 const std::function<void(comm::NcclHandle&, device::StreamHandle)>& body) {
  comm::NcclUniqueId id{};
  if (rank.rank == 0) {
    nccl.unique_id(&id);
    rank.store->set("id", std::string(id.bytes, sizeof id.bytes));
  } else {
    std::memcpy(id.bytes, rank.store->get("id", 5).data(), sizeof id.bytes);
  }
  comm::NcclHandle handle(nccl, "bare");
  handle.init(id, rank.rank, rank.size, 5);
  const Gpu gpu;
  body(handle, gpu.compute());
  gpu.wait();
}

TEST(NcclFault, AMissingGroup) {
  expect_fault(
      2,
      [](RankContext& rank) {
        with_handle(rank, fake_nccl(), [&](comm::NcclHandle& handle, device::StreamHandle stream) {
          static float sent[4] = {}, received[4] = {};
          handle.call("send", false, 5, [&](comm::NcclComm comm) {
            return fake_nccl().send(sent, 4, comm::kNcclFloat32, 1 - rank.rank, comm, stream);
          });
          handle.call("receive", false, 5, [&](comm::NcclComm comm) {
            return fake_nccl().receive(received, 4, comm::kNcclFloat32, 1 - rank.rank, comm, stream);
          });
        });
      },
      "stand in no group");
  // And by the communicator itself, when its table forgets to group.
  static comm::NcclApi ungrouped = fake_nccl();
  ungrouped.group_start = [] { return comm::kNcclSuccess; };
  ungrouped.group_end = [] { return comm::kNcclSuccess; };
  expect_fault(
      2,
      [](RankContext& rank) {
        Gpu gpu;
        auto world = make_world(rank, gpu, 20, ungrouped);
        check_messages(*world, gpu, at::kFloat);
      },
      "while an earlier call is still being taken");
}

TEST(NcclFault, UseAfterAbort) {
  static comm::NcclComm kept = nullptr;
  expect_fault(
      2,
      [](RankContext& rank) {
        with_handle(rank, fake_nccl(), [&](comm::NcclHandle& handle, device::StreamHandle stream) {
          static float data[4] = {};
          handle.call("all_reduce", false, 5, [&](comm::NcclComm comm) {
            kept = comm;
            return fake_nccl().all_reduce(data, data, 4, comm::kNcclFloat32, comm::kNcclSum, comm, stream);
          });
          handle.abort();
          fake_nccl().all_reduce(data, data, 4, comm::kNcclFloat32, comm::kNcclSum, kept, stream);
        });
      },
      "all_reduce after the communicator was aborted");
}

TEST(NcclFault, ASplitWhileCallsAreUnderWay) {
  expect_fault(
      2,
      [](RankContext& rank) {
        with_handle(rank, fake_nccl(), [&](comm::NcclHandle& handle, device::StreamHandle stream) {
          static std::vector<float> data(1 << 20);
          for (int i = 0; i < 4; ++i)
            handle.call("all_reduce", false, 5, [&](comm::NcclComm comm) {
              return fake_nccl().all_reduce(data.data(), data.data(), data.size(), comm::kNcclFloat32, comm::kNcclSum,
                                            comm, stream);
            });
          comm::NcclHandle part(fake_nccl(), "part");
          handle.split(0, 0, &part, 5);
        });
      },
      "calls are under way");
}

}  // namespace
}  // namespace muster::tests

// Each fault that a person could make in the NCCL form, planted once, to show that the stand-in finds it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/runtime/comm/nccl_rank.h"

namespace muster::tests {
namespace {

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
                                            fake_slow_down(20);
                                            Gpu gpu(cuda);
                                            compute_of_fault = gpu.compute();
                                            auto world = make_world(rank, gpu, 10);
                                            for (int i = 0; i < 5; ++i) check_collectives(*world, gpu, at::kFloat, 8);
                                          },
                                          {.make_world = false}))
    wrong = wrong || end.output.find("bits differ") != std::string::npos;  // however the rank ended after it
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
        world->exchange(std::vector<P2POp>{{1 - rank.rank, rank.rank == 0, &tensor}}, "sizes");
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

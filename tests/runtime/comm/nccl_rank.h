// A rank over the asynchronous stand-in of NCCL, and the calls that every test of that form makes.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/nccl_communicator.h"
#include "runtime/comm/nccl_handle.h"
#include "tests/support/fake_cuda.h"
#include "tests/support/fake_nccl.h"
#include "tests/support/run_ranks.h"
#include "tests/support/tensor_support.h"

namespace muster::tests {

using comm::Communicator;
using comm::P2POp;
using comm::Reduce;

inline at::Tensor values(int rank, std::int64_t count, at::ScalarType type) {
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

inline std::unique_ptr<Communicator> make_world(RankContext& rank, const Gpu& gpu, double timeout_s = 20,
                                                const comm::NcclApi& nccl = fake_nccl(),
                                                std::function<void(const std::string&)> on_failure = {}) {
  return comm::make_nccl("world", rank.store, rank.rank, rank.size,
                         {gpu.device(), &nccl, timeout_s, std::move(on_failure)});
}

inline at::Tensor sum_of_all(int size, std::int64_t count, at::ScalarType type) {
  at::Tensor sum = at::zeros({count}, at::kLong);
  for (int rank = 0; rank < size; ++rank) sum += values(rank, count, at::kLong);
  return sum.to(type);
}

inline void check_collectives(Communicator& comm, Gpu& gpu, at::ScalarType type, std::int64_t count) {
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

inline void check_messages(Communicator& comm, Gpu& gpu, at::ScalarType type) {
  const int size = comm.size(), next = (comm.rank() + 1) % size, before = (comm.rank() + size - 1) % size;
  const at::Tensor first = gpu.late(values(comm.rank(), 5, type)),
                   second = gpu.late(values(comm.rank() + 10, 70000, type));
  const at::Tensor got_first = at::zeros_like(first), got_second = at::zeros_like(second),
                   got_own = at::zeros_like(first);
  comm.exchange(
      std::vector<P2POp>{
          {next, true, &first}, {next, true, &second}, {before, false, &got_first}, {before, false, &got_second}},
      "ring");
  const at::Tensor seen_first = gpu.seen(got_first), seen_second = gpu.seen(got_second);
  comm.exchange(comm.rank() == 0 ? std::vector<P2POp>{{1, true, &first}}
                                 : (comm.rank() == 1 ? std::vector<P2POp>{{0, false, &got_own}} : std::vector<P2POp>{}),
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

}  // namespace muster::tests

#include "runtime/comm/solo_communicator.h"

#include <ATen/ATen.h>

namespace muster::comm {
namespace {

void copy(at::Tensor& output, const at::Tensor& input) {
  if (!output.is_same(input) && output.data_ptr() != input.data_ptr()) output.view(-1).copy_(input.view(-1));
}

class SoloCommunicator final : public Communicator {
 public:
  SoloCommunicator(std::string name, int world_rank) : Communicator(std::move(name), 0, 1) {
    set_world_ranks({world_rank});
  }
  void abort() override {}
  void close() override {}

 protected:
  void do_all_reduce(at::Tensor&, Reduce) override {}
  void do_all_gather(at::Tensor& output, const at::Tensor& input) override { copy(output, input); }
  void do_reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce) override { copy(output, input); }
  void do_all_to_all_v(at::Tensor& output, std::span<const std::int64_t>, const at::Tensor& input,
                       std::span<const std::int64_t>) override {
    copy(output, input);
  }
  void do_broadcast(at::Tensor&, int) override {}
  void do_exchange(std::span<const P2POp>) override {}
  void do_barrier() override {}
  std::unique_ptr<Communicator> do_split(int color, int, std::string name) override {
    return color < 0 ? nullptr : make_solo(std::move(name), world_rank(0));
  }
};

}  // namespace

std::unique_ptr<Communicator> make_solo(std::string name, int world_rank) {
  return std::make_unique<SoloCommunicator>(std::move(name), world_rank);
}

}  // namespace muster::comm

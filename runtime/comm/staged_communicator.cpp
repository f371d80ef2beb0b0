#include "runtime/comm/staged_communicator.h"

#include <ATen/ATen.h>

namespace muster::comm {
namespace {

/// A tensor on the host of the same shape; ATen's copies wait for the caller's current stream, both ways.
at::Tensor room_for(const at::Tensor& tensor) {
  return at::empty(tensor.sizes(), tensor.options().device(at::kCPU).requires_grad(false));
}
at::Tensor host_copy(const at::Tensor& tensor) { return room_for(tensor).copy_(tensor); }

class StagedCommunicator final : public Communicator {
 public:
  explicit StagedCommunicator(std::unique_ptr<Communicator> host)
      : Communicator(host->name(), host->rank(), host->size()), host_(std::move(host)) {
    std::vector<int> world_ranks;
    for (int peer = 0; peer < size(); ++peer) world_ranks.push_back(host_->world_rank(peer));
    set_world_ranks(std::move(world_ranks));
  }
  void abort() override { host_->abort(); }
  void close() override { host_->close(); }

 protected:
  void do_all_reduce(at::Tensor& tensor, Reduce op) override {
    at::Tensor copy = host_copy(tensor);
    host_->all_reduce(copy, op, label());
    tensor.copy_(copy);
  }
  void do_all_gather(at::Tensor& output, const at::Tensor& input) override {
    at::Tensor gathered = room_for(output);
    host_->all_gather(gathered, host_copy(input), label());
    output.copy_(gathered);
  }
  void do_reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce op) override {
    at::Tensor share = room_for(output);
    host_->reduce_scatter(share, host_copy(input), op, label());
    output.copy_(share);
  }
  void do_all_to_all_v(at::Tensor& output, std::span<const std::int64_t> output_rows, const at::Tensor& input,
                       std::span<const std::int64_t> input_rows) override {
    at::Tensor received = room_for(output);
    host_->all_to_all_v(received, output_rows, host_copy(input), input_rows, label());
    output.copy_(received);
  }
  void do_broadcast(at::Tensor& tensor, int root) override {
    at::Tensor copy = rank() == root ? host_copy(tensor) : room_for(tensor);
    host_->broadcast(copy, root, label());
    if (rank() != root) tensor.copy_(copy);
  }
  void do_exchange(std::span<const P2POp> p2p_ops) override {
    std::vector<at::Tensor> copies;
    std::vector<P2POp> host_legs;
    copies.reserve(p2p_ops.size());
    for (const P2POp& p2p_op : p2p_ops) {
      copies.push_back(p2p_op.is_send ? host_copy(*p2p_op.tensor) : room_for(*p2p_op.tensor));
      host_legs.push_back({p2p_op.peer, p2p_op.is_send, &copies.back()});
    }
    host_->exchange(host_legs, label());
    for (std::size_t i = 0; i < p2p_ops.size(); ++i)
      if (!p2p_ops[i].is_send) {
        at::Tensor target = *p2p_ops[i].tensor;
        target.copy_(copies[i]);
      }
  }
  void do_barrier() override { host_->barrier(label()); }
  void do_wait_for_all(const std::function<void()>& on_wait) override { host_->wait_for_all(label(), on_wait); }
  std::unique_ptr<Communicator> do_split(int color, int key, std::string name) override {
    auto part = host_->split(color, key, std::move(name));
    return part == nullptr ? nullptr : make_staged(std::move(part));
  }

 private:
  std::unique_ptr<Communicator> host_;
};

}  // namespace

std::unique_ptr<Communicator> make_staged(std::unique_ptr<Communicator> host) {
  return std::make_unique<StagedCommunicator>(std::move(host));
}

}  // namespace muster::comm

#include "runtime/comm/rehearsal_communicator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::comm {
namespace {

class RehearsalCommunicator final : public Communicator {
 public:
  RehearsalCommunicator(std::string name, int rank, int size, SplitRule rule)
      : Communicator(std::move(name), rank, size), rule_(std::move(rule)) {}
  void abort() override {}
  void close() override {}
  void set_members(std::vector<int> world_ranks) { set_world_ranks(std::move(world_ranks)); }

 protected:
  void do_all_reduce(at::Tensor&, Reduce) override {}
  void do_all_gather(at::Tensor& output, const at::Tensor& input) override {
    if (output.is_meta()) return;
    at::Tensor blocks = output.view({size(), -1});
    blocks.copy_(input.view({1, -1}).expand_as(blocks).clone());
  }
  void do_reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce) override {
    if (!output.is_meta()) output.view(-1).copy_(input.view({size(), -1})[rank()]);
  }
  void do_all_to_all_v(at::Tensor& output, std::span<const std::int64_t>, const at::Tensor&,
                       std::span<const std::int64_t>) override {
    if (!output.is_meta()) output.zero_();
  }
  void do_broadcast(at::Tensor&, int) override {}
  void do_exchange(std::span<const P2POp> p2p_ops) override {
    for (const P2POp& p2p_op : p2p_ops) {
      at::Tensor received = *p2p_op.tensor;
      if (!p2p_op.is_send && !received.is_meta()) received.zero_();
    }
  }
  void do_barrier() override {}

  std::unique_ptr<Communicator> do_split(int color, int key, std::string name) override {
    const auto said = [&](int member) { return rule_(this->name(), name, member); };
    INVARIANT(said(rank()) == std::pair(color, key),
              base::text("the rule of a rehearsal knows how ", name, " is split"));
    std::vector<int> members;
    for (int member = 0; member < size() && color >= 0; ++member)
      if (said(member).first == color) members.push_back(member);
    if (members.empty()) return nullptr;
    std::ranges::stable_sort(members, {}, [&](int member) { return said(member).second; });
    const auto place = static_cast<int>(std::ranges::find(members, rank()) - members.begin());
    auto part =
        std::make_unique<RehearsalCommunicator>(std::move(name), place, static_cast<int>(members.size()), rule_);
    for (int& member : members) member = world_rank(member);
    part->set_members(std::move(members));
    return part;
  }

 private:
  SplitRule rule_;
};

}  // namespace

std::unique_ptr<Communicator> make_rehearsal(std::string name, int rank, int size, SplitRule rule) {
  return std::make_unique<RehearsalCommunicator>(std::move(name), rank, size, std::move(rule));
}

}  // namespace muster::comm

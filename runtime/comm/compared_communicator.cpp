#include "runtime/comm/compared_communicator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"

namespace muster::comm {
namespace {

/// What a rank is about to do. Followed, in one row, by what it sends to and expects from each peer where that may
/// differ.
struct Fingerprint {
  std::int64_t sequence = 0;
  std::int32_t kind = 0;
  std::int32_t dtype = -1;
  std::int32_t detail = 0;
  std::int32_t reserved = 0;
  std::int64_t elements = 0;  // 0 where ranks may differ
  char label[40] = {};
};
struct Pairing {
  std::uint64_t sent = 0;      // hash of the messages to this peer
  std::uint64_t expected = 0;  // hash of the messages from this peer
};

bool may_differ(CallKind kind) { return kind == CallKind::all_to_all_v || kind == CallKind::exchange; }

std::uint64_t chain(std::uint64_t hash, std::int64_t elements, int dtype) {
  return base::mix64(hash * 31 + static_cast<std::uint64_t>(elements) * 257 + static_cast<std::uint64_t>(dtype) + 1);
}

Fingerprint fingerprint_of(const Call& call) {
  Fingerprint print{.sequence = call.sequence,
                    .kind = static_cast<std::int32_t>(call.kind),
                    .dtype = call.dtype,
                    .detail = call.detail,
                    .elements = may_differ(call.kind) ? 0 : call.elements};
  std::memcpy(print.label, call.label.data(), std::min(call.label.size(), sizeof print.label - 1));
  return print;
}

std::vector<Pairing> pairings_of(const Call& call, int size) {
  std::vector<Pairing> pairings(static_cast<std::size_t>(size));
  for (std::size_t peer = 0; peer < call.input_rows.size(); ++peer)
    pairings[peer] = {chain(0, call.input_rows[peer], 0), chain(0, call.output_rows[peer], 0)};
  for (const P2POp& p2p_op : call.p2p_ops) {
    Pairing& pairing = pairings[p2p_op.peer];
    std::uint64_t& hash = p2p_op.is_send ? pairing.sent : pairing.expected;
    hash = chain(hash, p2p_op.tensor->numel(), static_cast<int>(p2p_op.tensor->scalar_type()));
  }
  return pairings;
}

std::string text_of(const Fingerprint& print) {
  const auto kind = static_cast<CallKind>(print.kind);
  std::string text = base::text("calls ", call_kind_name(kind), " '", print.label, "' as number ", print.sequence);
  if (!may_differ(kind) && print.dtype >= 0)
    text += base::text(" with ", print.elements, " x ", c10::toString(static_cast<at::ScalarType>(print.dtype)));
  if (print.detail != 0)
    text += kind == CallKind::broadcast ? base::text(" from root ", print.detail)
                                        : base::text(" by reduction ", print.detail);
  return text;
}

class ComparedCommunicator final : public Communicator {
 public:
  ComparedCommunicator(std::unique_ptr<Communicator> inner, std::unique_ptr<Communicator> beside)
      : Communicator(inner->name(), inner->rank(), inner->size()),
        inner_(std::move(inner)),
        beside_(std::move(beside)) {
    std::vector<int> world_ranks;
    for (int peer = 0; peer < size(); ++peer) world_ranks.push_back(inner_->world_rank(peer));
    set_world_ranks(std::move(world_ranks));
  }
  void abort() override {
    beside_->abort();
    inner_->abort();
  }
  void close() override {
    inner_->close();
    beside_->close();
  }

 protected:
  void do_prepare(const Call& call) override {
    if (call.kind == CallKind::wait_for_all) return;  // to compare is itself a call with a time limit
    const std::size_t row = sizeof(Fingerprint) + sizeof(Pairing) * static_cast<std::size_t>(size());
    std::vector<char> all(row * static_cast<std::size_t>(size()));
    const auto at_row = [&](int rank) { return all.data() + row * static_cast<std::size_t>(rank); };
    const Fingerprint own = fingerprint_of(call);
    const std::vector<Pairing> pairings = pairings_of(call, size());
    std::memcpy(at_row(rank()), &own, sizeof own);
    std::memcpy(at_row(rank()) + sizeof own, pairings.data(), sizeof(Pairing) * pairings.size());
    const auto bytes = [](char* data, std::size_t count) {
      return at::from_blob(data, {static_cast<std::int64_t>(count)}, at::kByte);
    };
    at::Tensor output = bytes(all.data(), all.size());
    beside_->all_gather(output, bytes(at_row(rank()), row), call.label);

    Fingerprint first;
    std::memcpy(&first, at_row(0), sizeof first);
    for (int peer = 1; peer < size(); ++peer) {
      Fingerprint other;
      std::memcpy(&other, at_row(peer), sizeof other);
      if (std::memcmp(&first, &other, sizeof first) != 0) mismatch(0, text_of(first), peer, text_of(other));
    }
    if (!may_differ(call.kind)) return;
    const auto pairing = [&](int rank, int peer) {
      Pairing found;
      std::memcpy(&found, at_row(rank) + sizeof(Fingerprint) + sizeof(Pairing) * static_cast<std::size_t>(peer),
                  sizeof found);
      return found;
    };
    for (int from = 0; from < size(); ++from)
      for (int to = 0; to < size(); ++to)
        if (pairing(from, to).sent != pairing(to, from).expected)
          mismatch(
              from,
              text_of(first) + base::text(" and does not send to rank ", world_rank(to), " what that rank expects"), to,
              "expects other counts, sizes or types");
  }
  void do_all_reduce(at::Tensor& tensor, Reduce op) override { inner_->all_reduce(tensor, op, label()); }
  void do_all_gather(at::Tensor& output, const at::Tensor& input) override {
    inner_->all_gather(output, input, label());
  }
  void do_reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce op) override {
    inner_->reduce_scatter(output, input, op, label());
  }
  void do_all_to_all_v(at::Tensor& output, std::span<const std::int64_t> output_rows, const at::Tensor& input,
                       std::span<const std::int64_t> input_rows) override {
    inner_->all_to_all_v(output, output_rows, input, input_rows, label());
  }
  void do_broadcast(at::Tensor& tensor, int root) override { inner_->broadcast(tensor, root, label()); }
  void do_exchange(std::span<const P2POp> p2p_ops) override { inner_->exchange(p2p_ops, label()); }
  void do_barrier() override { inner_->barrier(label()); }  // compared calls do not overlap
  void do_wait_for_all(const std::function<void()>& on_wait) override { inner_->wait_for_all(label(), on_wait); }
  std::unique_ptr<Communicator> do_split(int color, int key, std::string name) override {
    auto part = inner_->split(color, key, name);
    auto part_beside = beside_->split(color, key, name + " (comparing)");
    return part == nullptr ? nullptr : make_compared(std::move(part), std::move(part_beside));
  }

 private:
  [[noreturn]] void mismatch(int a, const std::string& a_text, int b, const std::string& b_text) {
    throw Error::rank({.what = base::text("the ranks of ", name(), " do not make the same call: rank ", world_rank(a),
                                          " ", a_text, "; rank ", world_rank(b), " ", b_text),
                       .where = base::text("rank ", world_rank(rank())),
                       .fix = "a collective stands under a condition that ranks answer differently, or sizes were "
                              "computed differently"});
  }

  std::unique_ptr<Communicator> inner_, beside_;
};

}  // namespace

std::unique_ptr<Communicator> make_compared(std::unique_ptr<Communicator> inner, std::unique_ptr<Communicator> beside) {
  INVARIANT(inner->size() == beside->size() && inner->rank() == beside->rank(),
            "the group beside holds the same ranks in the same order");
  return std::make_unique<ComparedCommunicator>(std::move(inner), std::move(beside));
}

}  // namespace muster::comm

// Communicator: the calls by which ranks exchange tensors. Everything above comm/ is written against this page and runs
// the same over NCCL, gloo, staged (GPU tensors over gloo) and solo (a group of one, which returns its input).
//
// A call is in order with the work of the caller's current stream on both sides: it reads what was computed before it,
// and what comes after it on that stream sees the result. On the CPU it returns when the result is there. One thread
// issues.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device/stream.h"

namespace at {
class Tensor;
}

namespace muster::comm {

enum class Reduce { sum, max, min };
enum class CallKind {
  all_reduce,
  all_gather,
  reduce_scatter,
  all_to_all_v,
  broadcast,
  exchange,
  barrier,
  wait_for_all,
  split
};
const char* call_kind_name(CallKind kind);

/// One direction of a grouped point-to-point exchange. Tensors are contiguous; a receive is written in place.
struct P2POp {
  int peer = 0;
  bool is_send = false;
  const at::Tensor* tensor = nullptr;
};

/// One call, as observers see it. `sequence` counts the calls of this communicator from 1.
struct Call {
  std::string_view communicator;
  CallKind kind = CallKind::barrier;
  std::string_view label;
  std::int64_t sequence = 0;
  std::int64_t bytes = 0;  // bytes of the tensor that this rank puts in (a send counts, a receive does not)
  std::int64_t elements = 0;
  int dtype = -1;                                             // at::ScalarType as a number; -1 where there is no tensor
  int detail = 0;                                             // Reduce of a reduction, root of a broadcast
  std::span<const std::int64_t> input_rows{}, output_rows{};  // of all_to_all_v
  std::span<const P2POp> p2p_ops{};                           // of exchange
};

/// Sees every call before and after: the heartbeat, the counters of a step. A call that throws has no after.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void before(const Call& call) = 0;
  virtual void after(const Call& call) = 0;
  /// Every few seconds within a wait_for_all.
  virtual void waits() {}
};

class Communicator {
 public:
  Communicator(std::string name, int rank, int size) : name_(std::move(name)), rank_(rank), size_(size) {}
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  const std::string& name() const { return name_; }  // "train.tp", "world", ...
  int rank() const { return rank_; }
  int size() const { return size_; }
  /// The rank in the world of member `rank`: what messages to people name.
  int world_rank(int rank) const { return world_ranks_.empty() ? rank : world_ranks_[rank]; }
  /// Observers are borrowed, live longer than the communicator, and are inherited by its splits.
  void set_observers(std::vector<CallObserver*> observers) { observers_ = std::move(observers); }

  // Every call: collective over this communicator; tensors are contiguous; `label` names the place in the step
  // ("train.grads"). throws: Error::rank naming communicator, label and peer when a peer is gone or the time limit has
  // passed.

  /// In place on every rank.
  void all_reduce(at::Tensor& tensor, Reduce op, std::string_view label);
  /// output: size() blocks of input's numel, in rank order (input [n, ...], output [size*n, ...]).
  void all_gather(at::Tensor& output, const at::Tensor& input, std::string_view label);
  /// input: size() blocks; output: the reduction of this rank's block.
  void reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce op, std::string_view label);
  /// Row counts per rank along dim 0; both sides know their counts.
  void all_to_all_v(at::Tensor& output, std::span<const std::int64_t> output_rows, const at::Tensor& input,
                    std::span<const std::int64_t> input_rows, std::string_view label);
  void broadcast(at::Tensor& tensor, int root, std::string_view label);
  /// Grouped sends and receives, one launch; between two ranks they match in order. An empty list is legal on any rank.
  void exchange(std::span<const P2POp> p2p_ops, std::string_view label);
  void barrier(std::string_view label);
  /// A barrier before which ranks may do work of very different length, such as grading or writing files: over gloo no
  /// time limit of calls bounds it. A rank that ends or hangs is for the node agents to find, and they end the others.
  /// `on_wait` is called every few seconds, as the observers are.
  void wait_for_all(std::string_view label, const std::function<void()>& on_wait = {});

  /// Runs `body`, whose calls do not hold back what comes next on the caller's stream: their tensors stay alive and are
  /// left alone until that stream was held back by the returned event. On the CPU all is over when this returns.
  device::Event overlapped(const std::function<void()>& body);

  /// collective: all ranks of this communicator. Ranks of one colour form a communicator ordered by (key, rank); a rank
  /// with a colour below 0 belongs to none and gets null.
  std::unique_ptr<Communicator> split(int color, int key, std::string name);
  /// Ends outstanding calls here with an error; peers must abort too. May be called from another thread.
  virtual void abort() = 0;
  /// collective. Ends the communicator in good order; a communicator that is neither closed nor aborted aborts in its
  /// destructor.
  virtual void close() = 0;

 protected:
  /// Comes first in every call, with all there is to know of it; the comparing form compares here.
  virtual void do_prepare(const Call& call);
  virtual void do_all_reduce(at::Tensor& tensor, Reduce op) = 0;
  virtual void do_all_gather(at::Tensor& output, const at::Tensor& input) = 0;
  virtual void do_reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce op) = 0;
  virtual void do_all_to_all_v(at::Tensor& output, std::span<const std::int64_t> output_rows, const at::Tensor& input,
                               std::span<const std::int64_t> input_rows) = 0;
  virtual void do_broadcast(at::Tensor& tensor, int root) = 0;
  virtual void do_exchange(std::span<const P2POp> p2p_ops) = 0;
  virtual void do_barrier() = 0;
  /// A barrier in forms that know no better.
  virtual void do_wait_for_all(const std::function<void()>& on_wait);
  /// Operations to oneself never get here: they are copied. Likewise a split returns null for a colour below 0.
  virtual std::unique_ptr<Communicator> do_split(int color, int key, std::string name) = 0;
  /// Within overlapped(); the form that overlaps gives its event.
  bool overlaps() const { return overlaps_; }
  virtual device::Event do_end_overlap();
  /// The call under way, for the forms' own errors and traces.
  std::string_view label() const { return label_; }
  std::int64_t sequence() const { return sequence_; }
  void set_world_ranks(std::vector<int> world_ranks) { world_ranks_ = std::move(world_ranks); }

 private:
  template <class Body>
  void observed(Call call, std::string_view label, const Body& body);

  std::string name_;
  int rank_;
  int size_;
  std::int64_t sequence_ = 0;
  std::string_view label_;
  bool overlaps_ = false;
  std::vector<int> world_ranks_;  // of the members, in order; empty in the world itself
  std::vector<CallObserver*> observers_;
};

/// Thrown by the forms inside a call; the call turns it into Error::rank with communicator, label and the peer's name.
struct PeerFailure {
  int peer = -1;  // rank in the communicator; -1 unknown
  std::string reason;
};

}  // namespace muster::comm

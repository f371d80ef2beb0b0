// Transfer: copies on the rank, then the buckets of the route, one grouped exchange each. Large pieces travel from and
// to their own windows where these are contiguous; small ones share one message for each pair of ranks.
#include "runtime/refit/refit.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <deque>
#include <map>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/ops/on_host.h"
#include "runtime/refit/buckets.h"
#include "runtime/refit/checksum.h"
#include "runtime/refit/replicas.h"

namespace muster::refit {
namespace {

constexpr std::int64_t kSmallBytes = 1 << 20;  // below it a piece shares its message
constexpr std::size_t kMostFaults = 5;         // tensors that one message names

/// The window of `store` that shows `box` of a parameter.
at::Tensor window(const weights::ShardStore& store, const std::string& name, const spec::Box& box) {
  const weights::Shard& shard = store.shard(name);
  at::Tensor view = store.view(name);
  for (std::size_t dim = 0; dim < box.ranges.size(); ++dim) {
    const spec::Range& range = box.ranges[dim];
    view = view.narrow(static_cast<std::int64_t>(dim), range.begin - shard.box.ranges[dim].begin, range.size());
  }
  return view;
}

bool is_same_place(const at::Tensor& a, const at::Tensor& b) {
  return a.is_alias_of(b) && a.storage_offset() == b.storage_offset();
}

/// What one bucket exchanges between this rank and one other, in one direction.
struct Traffic {
  std::vector<const Transfer*> small, large;
  std::int64_t small_elements = 0;
};

std::string ranks_text(const std::vector<std::int64_t>& ranks) {
  std::vector<std::string> words;
  for (const std::int64_t rank : ranks) words.push_back(std::to_string(rank));
  return (ranks.size() == 1 ? "rank " : "ranks ") + base::join(words, ", ");
}

}  // namespace

struct Refit::State {
  std::vector<spec::Parameter> parameters;
  Holders train, generate;
  comm::Communicator& world;
  const weights::ShardStore* trainer;
  weights::ShardStore* generator;
  bool verify;
  at::ScalarType dtype;  // of the generator
  std::int64_t least_bytes = 0;
  std::vector<Transfer> copies;                // on this rank
  std::vector<std::vector<Transfer>> buckets;  // what this rank sends or receives; empty ones too

  std::int64_t rank() const { return world.rank(); }
  /// Where the tensors of collectives lie.
  at::Device device() const {
    return (trainer != nullptr     ? trainer->flat()
            : generator != nullptr ? generator->flat()
                                   : at::Tensor(at::empty({0})))
        .device();
  }
  const std::string& name_of(const Transfer& transfer) const { return parameters[transfer.parameter].name; }
  std::int64_t copy_here() const;
  std::int64_t exchange(const std::vector<Transfer>& bucket) const;
  void append_sends(std::int64_t peer, const Traffic& traffic, std::deque<at::Tensor>& tensors,
                    std::vector<comm::P2POp>& p2p_ops) const;
  void append_receives(std::int64_t peer, const Traffic& traffic, std::deque<at::Tensor>& tensors,
                       std::vector<comm::P2POp>& p2p_ops) const;
  void unpack(const Traffic& traffic, const at::Tensor* received) const;
  std::uint64_t checksum(const weights::ShardStore& store, const spec::Parameter& parameter) const;
};

/// Bytes copied.
std::int64_t Refit::State::copy_here() const {
  std::int64_t bytes = 0;
  for (const Transfer& copy : copies) {
    const at::Tensor from = window(*trainer, name_of(copy), copy.box);
    at::Tensor to = window(*generator, name_of(copy), copy.box);
    if (is_same_place(from, to)) continue;  // the generator looks into the trainer's buffer
    to.copy_(from);
    bytes += static_cast<std::int64_t>(to.nbytes());
  }
  return bytes;
}

void Refit::State::append_sends(std::int64_t peer, const Traffic& traffic, std::deque<at::Tensor>& tensors,
                                std::vector<comm::P2POp>& p2p_ops) const {
  if (!traffic.small.empty()) {
    tensors.push_back(at::empty({traffic.small_elements}, trainer->flat().options().dtype(dtype)));
    std::int64_t offset = 0;
    for (const Transfer* piece : traffic.small) {
      const at::Tensor from = window(*trainer, name_of(*piece), piece->box);
      tensors.back().narrow(0, offset, from.numel()).view(from.sizes()).copy_(from);
      offset += from.numel();
    }
    p2p_ops.push_back({.peer = static_cast<int>(peer), .is_send = true, .tensor = &tensors.back()});
  }
  for (const Transfer* piece : traffic.large) {
    tensors.push_back(
        window(*trainer, name_of(*piece), piece->box).to(dtype).contiguous());  // itself, where it is so already
    p2p_ops.push_back({.peer = static_cast<int>(peer), .is_send = true, .tensor = &tensors.back()});
  }
}

void Refit::State::append_receives(std::int64_t peer, const Traffic& traffic, std::deque<at::Tensor>& tensors,
                                   std::vector<comm::P2POp>& p2p_ops) const {
  const auto options = generator->flat().options();
  if (!traffic.small.empty()) {
    tensors.push_back(at::empty({traffic.small_elements}, options));
    p2p_ops.push_back({.peer = static_cast<int>(peer), .is_send = false, .tensor = &tensors.back()});
  }
  for (const Transfer* piece : traffic.large) {
    const at::Tensor to = window(*generator, name_of(*piece), piece->box);
    tensors.push_back(to.is_contiguous() ? to : at::empty(to.sizes(), options));
    p2p_ops.push_back({.peer = static_cast<int>(peer), .is_send = false, .tensor = &tensors.back()});
  }
}

/// Brings what lies in messages and not yet in place to its windows. `received`: the tensors of append_receives.
void Refit::State::unpack(const Traffic& traffic, const at::Tensor* received) const {
  if (!traffic.small.empty()) {
    std::int64_t offset = 0;
    for (const Transfer* piece : traffic.small) {
      at::Tensor to = window(*generator, name_of(*piece), piece->box);
      to.copy_(received->narrow(0, offset, to.numel()).view(to.sizes()));
      offset += to.numel();
    }
    ++received;
  }
  for (const Transfer* piece : traffic.large) {
    at::Tensor to = window(*generator, name_of(*piece), piece->box);
    if (!is_same_place(to, *received)) to.copy_(*received);
    ++received;
  }
}

/// One bucket; bytes sent. collective: world.
std::int64_t Refit::State::exchange(const std::vector<Transfer>& bucket) const {
  const std::int64_t small_elements = kSmallBytes / static_cast<std::int64_t>(c10::elementSize(dtype));
  std::map<std::int64_t, Traffic> sends, receives;  // of each peer, in the route's order on both sides
  for (const Transfer& piece : bucket) {
    Traffic& traffic = piece.source == rank() ? sends[piece.target] : receives[piece.source];
    if (piece.box.numel() < small_elements) {
      traffic.small.push_back(&piece);
      traffic.small_elements += piece.box.numel();
    } else {
      traffic.large.push_back(&piece);
    }
  }
  std::deque<at::Tensor> tensors;
  std::deque<at::Tensor> received;
  std::vector<comm::P2POp> p2p_ops;
  for (const auto& [peer, traffic] : sends) append_sends(peer, traffic, tensors, p2p_ops);
  for (const auto& [peer, traffic] : receives) append_receives(peer, traffic, received, p2p_ops);
  world.exchange(p2p_ops, "refit.bucket");
  std::size_t next = 0;
  for (const auto& [peer, traffic] : receives) {
    const std::size_t count = traffic.large.size() + (traffic.small.empty() ? 0 : 1);
    const std::vector<at::Tensor> messages(received.begin() + static_cast<std::ptrdiff_t>(next),
                                           received.begin() + static_cast<std::ptrdiff_t>(next + count));
    unpack(traffic, messages.data());
    next += count;
  }
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

/// Of this rank's piece, as the generator stores it.
std::uint64_t Refit::State::checksum(const weights::ShardStore& store, const spec::Parameter& parameter) const {
  return checksum_of(store.view(parameter.name).to(dtype), store.shard(parameter.name).box, parameter.shape);
}

Refit::Refit(const spec::ModelFacts& facts, const RefitLayouts& layouts, comm::Communicator& world,
             const weights::ShardStore* trainer, weights::ShardStore* generator, at::ScalarType gen_dtype,
             std::int64_t bucket_bytes, bool verify)
    : state_(std::make_unique<State>(State{.parameters = spec::parameters_of(facts),
                                           .train = Holders(facts, layouts.train, layouts.train_ranks),
                                           .generate = Holders(facts, layouts.generate, layouts.gen_ranks),
                                           .world = world,
                                           .trainer = trainer,
                                           .generator = generator,
                                           .verify = verify,
                                           .dtype = gen_dtype})) {
  const std::int64_t rank = world.rank();
  const auto holds = [&](const std::vector<std::int64_t>& ranks) {
    return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
  };
  INVARIANT(holds(layouts.train_ranks) == (trainer != nullptr) && holds(layouts.gen_ranks) == (generator != nullptr),
            "a rank brings a store for each role that the plan gives it");
  INVARIANT(generator == nullptr || generator->flat().scalar_type() == gen_dtype, "the generator has its type");
  const auto element_bytes = static_cast<std::int64_t>(c10::elementSize(state_->dtype));
  state_->least_bytes = least_elements(facts, layouts) * element_bytes;
  const auto is_own = [&](const Transfer& transfer) { return transfer.source == rank || transfer.target == rank; };
  BucketCut cutting(std::max<std::int64_t>(1, bucket_bytes / element_bytes));
  const auto keep = [&](std::size_t bucket, const Transfer& part) {
    if (!is_own(part)) return;
    state_->buckets.resize(bucket + 1);
    state_->buckets[bucket].push_back(part);
  };
  for_route(facts, layouts, [&](const Transfer& transfer) {
    if (transfer.source == transfer.target && is_own(transfer)) state_->copies.push_back(transfer);
    cutting.add(transfer, keep);
  });
  state_->buckets.resize(cutting.num_buckets());
}

Refit::~Refit() = default;

bool Refit::can_alias(const spec::ModelFacts& facts, const RefitLayouts& layouts, at::ScalarType train_dtype,
                      at::ScalarType gen_dtype) {
  if (train_dtype != gen_dtype) return false;
  const std::vector<spec::Parameter> parameters = spec::parameters_of(facts);
  for (std::size_t gen_rank = 0; gen_rank < layouts.gen_ranks.size(); ++gen_rank) {
    const auto same = std::find(layouts.train_ranks.begin(), layouts.train_ranks.end(), layouts.gen_ranks[gen_rank]);
    if (same == layouts.train_ranks.end()) return false;
    const spec::Coordinates train_place = spec::place_of(layouts.train, same - layouts.train_ranks.begin());
    const spec::Coordinates gen_place = spec::place_of(layouts.generate, static_cast<std::int64_t>(gen_rank));
    for (const spec::Parameter& parameter : parameters) {
      if (!(spec::box_of(facts, parameter, layouts.train, train_place) ==
            spec::box_of(facts, parameter, layouts.generate, gen_place)))
        return false;
    }
  }
  return true;
}

RefitFigures Refit::run() {
  RefitFigures figures;
  transfer(figures);
  if (state_->verify) verify(figures);
  return figures;
}

void Refit::transfer(RefitFigures& figures) {
  const base::Stopwatch watch;
  std::int64_t sent_bytes = 0;
  const std::int64_t copied_bytes = state_->copy_here();
  for (const auto& bucket : state_->buckets) sent_bytes += state_->exchange(bucket);
  at::Tensor bytes = at::tensor({sent_bytes, copied_bytes}, at::kLong).to(state_->device());
  state_->world.all_reduce(bytes, comm::Reduce::sum, "refit.bytes");
  bytes = ops::on_host(bytes);
  figures.sent_bytes = bytes[0].item<std::int64_t>();
  figures.copied_bytes = bytes[1].item<std::int64_t>();
  figures.least_bytes = state_->least_bytes;
  figures.transfer_s = watch.elapsed_s();
}

void Refit::verify(RefitFigures& figures) {
  const base::Stopwatch watch;
  const State& state = *state_;
  struct Compared {
    Replicas train, generate;
    std::size_t first = 0;  // of its sums: one for each replica of the trainer, then of the generator
  };
  std::vector<Compared> compared;
  std::vector<std::int64_t> sums;
  for (const spec::Parameter& parameter : state.parameters) {
    Compared one{replicas_of(state.train.of(parameter)), replicas_of(state.generate.of(parameter)), sums.size()};
    sums.resize(sums.size() + one.train.ranks.size() + one.generate.ranks.size(), 0);
    const std::int64_t train_replica = one.train.of(state.rank()), gen_replica = one.generate.of(state.rank());
    if (train_replica >= 0) {
      sums[one.first + static_cast<std::size_t>(train_replica)] =
          static_cast<std::int64_t>(state.checksum(*state.trainer, parameter));
    }
    if (gen_replica >= 0) {
      sums[one.first + one.train.ranks.size() + static_cast<std::size_t>(gen_replica)] =
          static_cast<std::int64_t>(state.checksum(*state.generator, parameter));
    }
    compared.push_back(std::move(one));
  }
  at::Tensor all = at::tensor(sums, at::kLong).to(state.device());
  state.world.all_reduce(all, comm::Reduce::sum, "refit.checksums");  // modulo 2^64, as int64 adds
  all = ops::on_host(all);
  const std::int64_t* const sum = all.const_data_ptr<std::int64_t>();

  std::vector<base::Fault> faults;
  for (std::size_t i = 0; i < compared.size(); ++i) {
    const Compared& one = compared[i];
    const auto compare = [&](const Replicas& replicas, std::size_t first, const char* side) {
      for (std::size_t replica = 0; replica < replicas.ranks.size(); ++replica) {
        if (sum[first + replica] == sum[one.first]) continue;
        faults.push_back(
            {base::text("after the refit the weights of '", state.parameters[i].name, "' in the ", side, " on ",
                        ranks_text(replicas.ranks[replica]), " are not those of the trainer on ",
                        ranks_text(one.train.ranks[0])),
             ranks_text(replicas.ranks[replica]),
             "bits changed on the way or in memory: look at the node's memory and network, and run again without it"});
      }
    };
    compare(one.train, one.first, "trainer");
    compare(one.generate, one.first + one.train.ranks.size(), "generator");
  }
  if (faults.size() > kMostFaults) {
    const std::size_t more = faults.size() - kMostFaults;
    faults.resize(kMostFaults);
    faults.push_back({base::text("and ", more, " more tensors"), "", ""});
  }
  if (!faults.empty()) throw Error(base::ErrorKind::rank, std::move(faults));
  figures.checked_tensors = std::ssize(state.parameters);
  figures.verify_s = watch.elapsed_s();
}

}  // namespace muster::refit

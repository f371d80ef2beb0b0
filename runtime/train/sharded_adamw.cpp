// Letters: n elements that this rank keeps, 1/dp_cp of the flat buffers; N elements of one piece.
#include "runtime/train/sharded_adamw.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/ops/memory_tracking.h"
#include "runtime/parallel/mesh.h"
#include "runtime/train/adamw.h"

namespace muster::train {
namespace {

constexpr std::int64_t kPiece = 1 << 24;  // elements whose gradients are widened to float32 at a time

/// This rank's part of a flat buffer's bucket, and of what it keeps.
at::Tensor own_part(const at::Tensor& flat, const Bucket& bucket) {
  return flat.narrow(0, bucket.own.begin, bucket.own.size());
}
at::Tensor kept_part(const at::Tensor& kept_n, const Bucket& bucket) {
  return kept_n.narrow(0, bucket.kept, bucket.own.size());
}

/// body(begin, length) over pieces of a segment.
template <class Body>
void for_pieces(std::int64_t length, const Body& body) {
  for (std::int64_t begin = 0; begin < length; begin += kPiece) body(begin, std::min(kPiece, length - begin));
}

}  // namespace

ShardedAdamw::ShardedAdamw(const spec::OptimizerJob& optimizer, const spec::ModelFacts& facts,
                           const parallel::Mesh& mesh, weights::ShardStore& weights, std::int64_t bucket_elements)
    : optimizer_(optimizer), weights_(weights) {
  // Parameters that are cut over dp themselves leave nothing to cut.
  const std::int64_t replicas = mesh.degrees().of(spec::Axis::dp_cp);
  slices_ = replicas > 1 && mesh.degrees().fsdp == 0;
  const std::int64_t parts = slices_ ? replicas : 1, length = weights.flat().numel();
  buckets_ = make_buckets(length, slices_ ? bucket_elements : std::max<std::int64_t>(1, length), parts,
                          slices_ ? mesh.coordinates().dp_cp : 0);
  spec::Coordinates holder = mesh.coordinates();
  if (slices_) holder.dp = holder.cp = holder.dp_cp = 0;  // each replica counts its slice of what all of them hold
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const spec::Range& own = buckets_[b].own;
    for (const weights::Shard& shard : weights.shards()) {
      const std::int64_t begin = std::max(shard.offset, own.begin);
      const std::int64_t end = std::min(shard.offset + shard.numel, own.end);
      if (begin >= end) continue;
      Segment next{.bucket = b,
                   .begin = buckets_[b].kept + begin - own.begin,
                   .length = end - begin,
                   .decays = shard.parameter.shape.size() >= 2,
                   .counts = spec::holds_first(facts, shard.parameter, mesh.degrees(), holder)};
      Segment* const last = segments_.empty() ? nullptr : &segments_.back();
      if (last != nullptr && last->bucket == b && last->decays == next.decays && last->counts == next.counts)
        last->length += next.length;
      else
        segments_.push_back(next);
    }
  }
  const auto owned = [&](spec::MemoryOwner owner, const auto& make) {
    const ops::Owner owning(owner);
    return make();
  };
  const auto kept = weights.flat().options().dtype(at::kFloat);
  if (weights.flat().scalar_type() != at::kFloat) {
    main_n_ = owned(spec::MemoryOwner::main_weights, [&] { return at::empty({length / parts}, kept); });
    for (const Bucket& bucket : buckets_) kept_part(main_n_, bucket).copy_(own_part(weights.flat(), bucket));
  }
  const auto moment = [&] { return at::zeros({length / parts}, kept); };
  first_n_ = owned(spec::MemoryOwner::moments, moment);
  second_n_ = owned(spec::MemoryOwner::moments, moment);
  if (slices_)
    own_gradients_n_ = owned(spec::MemoryOwner::gradients, [&] { return at::empty({length / parts}, kept); });
}

void ShardedAdamw::begin_reduction(const at::Tensor& flat_gradients) {
  flat_gradients_ = flat_gradients;
  arriving_.assign(buckets_.size(), at::Tensor());
  summed_.clear();
}

void ShardedAdamw::reduce(parallel::Mesh& mesh, std::size_t b, bool overlaps) {
  if (!slices_) return;
  const Bucket& bucket = buckets_[b];
  const at::Tensor all = flat_gradients_.narrow(0, bucket.flat.begin, bucket.flat.size());
  at::Tensor own = kept_part(own_gradients_n_, bucket);
  if (all.scalar_type() != own.scalar_type()) own = arriving_[b] = at::empty(own.sizes(), all.options());
  const auto sum = [&] { mesh.dp_cp().reduce_scatter(own, all, comm::Reduce::sum, "train.gradients"); };
  if (overlaps)
    summed_.push_back(mesh.dp_cp().overlapped(sum));
  else
    sum();
}

void ShardedAdamw::finish_reduction() {
  for (const device::Event& event : summed_) event.block(device::current_stream(event.device()));
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    if (arriving_[b].defined()) kept_part(own_gradients_n_, buckets_[b]).copy_(arriving_[b]);
  arriving_.clear();
}

at::Tensor ShardedAdamw::kept_gradients(const Segment& segment, std::int64_t begin, std::int64_t length) const {
  const at::Tensor& kept = slices_ ? own_gradients_n_ : flat_gradients_;
  return kept.narrow(0, segment.begin + begin, length).to(at::kFloat);
}

at::Tensor ShardedAdamw::counted_square_sum() const {
  at::Tensor total = at::zeros({}, first_n_.options().dtype(at::kDouble));
  for (const Segment& segment : segments_) {
    if (!segment.counts) continue;
    for_pieces(segment.length, [&](std::int64_t begin, std::int64_t length) {
      const at::Tensor gradients_N = kept_gradients(segment, begin, length);
      total += square_sum_kernels().for_device_of(gradients_N)(gradients_N);
    });
  }
  return total;
}

void ShardedAdamw::update_segment(const Segment& segment, const AdamwFactors& factors) {
  const Bucket& bucket = buckets_[segment.bucket];
  const at::Tensor flat_part = own_part(weights_.flat(), bucket);  // where the weights of the bucket are
  for_pieces(segment.length, [&](std::int64_t begin, std::int64_t length) {
    const std::int64_t at = segment.begin + begin;
    at::Tensor stored_N = flat_part.narrow(0, at - bucket.kept, length);
    at::Tensor main_N = main_is_weights() ? stored_N : main_n_.narrow(0, at, length);
    at::Tensor weights_N = main_is_weights() ? at::Tensor() : stored_N;
    at::Tensor first_N = first_n_.narrow(0, at, length), second_N = second_n_.narrow(0, at, length);
    adamw_kernels().for_device_of(main_N)(main_N, first_N, second_N, kept_gradients(segment, begin, length), weights_N,
                                          factors);
  });
}

void ShardedAdamw::update(parallel::Mesh& mesh, double lr, double gradient_scale, bool overlaps) {
  ++num_updates_;
  wait_for_all();
  const auto factors = [&](double decay) {
    return adamw_factors(lr, optimizer_.beta1, optimizer_.beta2, optimizer_.eps, decay, gradient_scale, num_updates_);
  };
  const AdamwFactors with_decay = factors(optimizer_.weight_decay), without = factors(0);
  auto segment = segments_.begin();
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    for (; segment != segments_.end() && segment->bucket == b; ++segment)
      update_segment(*segment, segment->decays ? with_decay : without);
    if (overlaps && slices_)
      gathered_.push_back(mesh.dp_cp().overlapped([&] { gather_weights(mesh, b); }));
    else
      gather_weights(mesh, b);
  }
}

void ShardedAdamw::gather_weights(parallel::Mesh& mesh, std::size_t b) {
  if (!slices_) return;
  at::Tensor all = weights_.flat().narrow(0, buckets_[b].flat.begin, buckets_[b].flat.size());
  mesh.dp_cp().all_gather(all, own_part(weights_.flat(), buckets_[b]), "train.weights");
}

void ShardedAdamw::wait_for(std::size_t bucket) {
  if (bucket < gathered_.size()) gathered_[bucket].block(device::current_stream(gathered_[bucket].device()));
}

void ShardedAdamw::wait_for_all() {
  for (std::size_t b = 0; b < gathered_.size(); ++b) wait_for(b);
  gathered_.clear();
}

void ShardedAdamw::reset() {
  num_updates_ = 0;
  first_n_.zero_();
  second_n_.zero_();
}

std::vector<std::pair<std::string, at::Tensor>> ShardedAdamw::slices() const {
  std::vector<std::pair<std::string, at::Tensor>> slices;
  if (!main_is_weights()) slices.emplace_back("main_weights", main_n_);
  for (std::size_t b = 0; main_is_weights() && b < buckets_.size(); ++b)
    slices.emplace_back(buckets_.size() == 1 ? "main_weights" : base::text("main_weights.", b),
                        own_part(weights_.flat(), buckets_[b]));
  slices.emplace_back("first_moment", first_n_);
  slices.emplace_back("second_moment", second_n_);
  return slices;
}

void ShardedAdamw::resume(parallel::Mesh& mesh, std::int64_t num_updates) {
  num_updates_ = num_updates;
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    if (!main_is_weights()) own_part(weights_.flat(), buckets_[b]).copy_(kept_part(main_n_, buckets_[b]));
    gather_weights(mesh, b);
  }
}

void ShardedAdamw::gather_gradients(parallel::Mesh& mesh, at::Tensor flat_gradients) const {
  if (!slices_) return;
  for (const Bucket& bucket : buckets_) {
    at::Tensor all = flat_gradients.narrow(0, bucket.flat.begin, bucket.flat.size());
    mesh.dp_cp().all_gather(all, kept_part(own_gradients_n_, bucket).to(all.scalar_type()), "train.gathered_gradients");
  }
}

std::vector<std::pair<spec::MemoryOwner, at::Tensor>> ShardedAdamw::buffers() const {
  using enum spec::MemoryOwner;
  std::vector<std::pair<spec::MemoryOwner, at::Tensor>> all{
      {main_weights, main_n_}, {moments, first_n_}, {moments, second_n_}, {gradients, own_gradients_n_}};
  std::erase_if(all, [](const auto& buffer) { return !buffer.second.defined(); });
  return all;
}

}  // namespace muster::train

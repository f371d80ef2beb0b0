// Letters: n elements that this rank keeps, its share of the flat buffers; N elements of one piece.
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

/// The ranks that hold the same weights of a bucket.
comm::Communicator& replicas_of(parallel::Mesh& mesh, const Bucket& bucket) {
  return bucket.of_experts ? mesh.edp() : mesh.dp_cp();
}

/// body(begin, length) over pieces of a segment.
template <class Body>
void for_pieces(std::int64_t length, const Body& body) {
  for (std::int64_t begin = 0; begin < length; begin += kPiece) body(begin, std::min(kPiece, length - begin));
}

}  // namespace

ShardedAdamw::ShardedAdamw(const spec::OptimizerJob& optimizer, const spec::ModelFacts& facts,
                           const parallel::Mesh& mesh, weights::ShardStore& weights, std::int64_t bucket_elements,
                           bool freeze_routers)
    : optimizer_(optimizer),
      weights_(weights),
      buckets_(buckets_of(facts, weights, mesh.degrees(), mesh.coordinates(), bucket_elements)) {
  const auto counts = [&](const Bucket& bucket, const spec::Parameter& parameter) {
    if (bucket.of_experts && mesh.degrees().fsdp == 0) return true;  // replicas lie along edp alone
    spec::Coordinates holder = mesh.coordinates();
    if (is_sliced(bucket))
      holder.dp = holder.cp = holder.dp_cp = 0;  // each replica counts its slice of what all of them hold
    return spec::holds_first(facts, parameter, mesh.degrees(), holder);
  };
  std::int64_t num_kept = 0, num_reduced = 0;
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const Bucket& bucket = buckets_[b];
    num_kept += bucket.own.size();
    if (is_sliced(bucket)) num_reduced += bucket.own.size();
    if (!is_sliced(bucket) && !bucket.of_experts) dense_unsliced_ += bucket.own.size();
    for (const weights::Shard& shard : weights.shards()) {
      const std::int64_t begin = std::max(shard.offset, bucket.own.begin);
      const std::int64_t end = std::min(shard.offset + shard.numel, bucket.own.end);
      const bool is_still =
          spec::is_choice_bias(shard.parameter) || (freeze_routers && spec::is_router(shard.parameter));
      if (begin >= end || is_still) continue;
      Segment next{.bucket = b,
                   .begin = bucket.kept + begin - bucket.own.begin,
                   .length = end - begin,
                   .decays = shard.parameter.shape.size() >= 2,
                   .counts = counts(bucket, shard.parameter)};
      Segment* const last = segments_.empty() ? nullptr : &segments_.back();
      if (last != nullptr && last->bucket == b && last->begin + last->length == next.begin &&
          last->decays == next.decays && last->counts == next.counts)
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
    main_n_ = owned(spec::MemoryOwner::main_weights, [&] { return at::empty({num_kept}, kept); });
    for (const Bucket& bucket : buckets_) kept_part(main_n_, bucket).copy_(own_part(weights.flat(), bucket));
  }
  const auto moment = [&] { return at::zeros({num_kept}, kept); };
  first_n_ = owned(spec::MemoryOwner::moments, moment);
  second_n_ = owned(spec::MemoryOwner::moments, moment);
  if (num_reduced > 0)
    own_gradients_n_ = owned(spec::MemoryOwner::gradients, [&] { return at::empty({num_reduced}, kept); });
}

at::Tensor ShardedAdamw::reduced_part(const Bucket& bucket) const {
  return own_gradients_n_.narrow(0, bucket.kept - (bucket.of_experts ? dense_unsliced_ : 0), bucket.own.size());
}

void ShardedAdamw::begin_reduction(const at::Tensor& flat_gradients) {
  flat_gradients_ = flat_gradients;
  arriving_.assign(buckets_.size(), at::Tensor());
  summed_.clear();
}

void ShardedAdamw::reduce(parallel::Mesh& mesh, std::size_t b, bool overlaps) {
  const Bucket& bucket = buckets_[b];
  if (!is_sliced(bucket)) return;
  const at::Tensor all = flat_gradients_.narrow(0, bucket.flat.begin, bucket.flat.size());
  at::Tensor own = reduced_part(bucket);
  if (all.scalar_type() != own.scalar_type()) own = arriving_[b] = at::empty(own.sizes(), all.options());
  comm::Communicator& replicas = replicas_of(mesh, bucket);
  const auto sum = [&] { replicas.reduce_scatter(own, all, comm::Reduce::sum, "train.gradients"); };
  if (overlaps)
    summed_.push_back(replicas.overlapped(sum));
  else
    sum();
}

void ShardedAdamw::finish_reduction() {
  for (const device::Event& event : summed_) event.block(device::current_stream(event.device()));
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    if (arriving_[b].defined()) reduced_part(buckets_[b]).copy_(arriving_[b]);
  arriving_.clear();
}

at::Tensor ShardedAdamw::kept_gradients(const Segment& segment, std::int64_t begin, std::int64_t length) const {
  const Bucket& bucket = buckets_[segment.bucket];
  const at::Tensor part = is_sliced(bucket) ? reduced_part(bucket) : own_part(flat_gradients_, bucket);
  return part.narrow(0, segment.begin - bucket.kept + begin, length).to(at::kFloat);
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
    if (overlaps)
      gathered_.push_back(replicas_of(mesh, buckets_[b]).overlapped([&] { gather_weights(mesh, b); }));
    else
      gather_weights(mesh, b);
  }
}

void ShardedAdamw::gather_weights(parallel::Mesh& mesh, std::size_t b) {
  if (!is_sliced(buckets_[b])) return;
  at::Tensor all = weights_.flat().narrow(0, buckets_[b].flat.begin, buckets_[b].flat.size());
  replicas_of(mesh, buckets_[b]).all_gather(all, own_part(weights_.flat(), buckets_[b]), "train.weights");
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
  for (const Bucket& bucket : buckets_) {
    if (!is_sliced(bucket)) continue;
    at::Tensor all = flat_gradients.narrow(0, bucket.flat.begin, bucket.flat.size());
    replicas_of(mesh, bucket).all_gather(all, reduced_part(bucket).to(all.scalar_type()), "train.gathered_gradients");
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

#include "runtime/train/buckets.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace muster::train {

std::vector<Bucket> make_buckets(std::int64_t length, std::int64_t most, std::int64_t parts, std::int64_t part) {
  INVARIANT(length % parts == 0 && most > 0, "the flat buffers are padded to a multiple of the replicas");
  const std::int64_t size = (most + parts - 1) / parts * parts;
  std::vector<Bucket> buckets;
  for (std::int64_t begin = 0; begin < length; begin += size) {
    const std::int64_t own = std::min(size, length - begin) / parts;
    buckets.push_back({.flat = {begin, begin + own * parts},
                       .own = {begin + part * own, begin + (part + 1) * own},
                       .kept = begin / parts});
  }
  return buckets;
}

std::vector<Bucket> buckets_of(const spec::ModelFacts& facts, const weights::ShardStore& store,
                               const spec::Degrees& degrees, const spec::Coordinates& place, std::int64_t most) {
  std::vector<Bucket> buckets;
  std::int64_t kept = 0;
  const auto add = [&](std::int64_t begin, std::int64_t end, spec::Axis replicas, bool of_experts) {
    const std::int64_t parts = degrees.fsdp == 1 ? 1 : degrees.of(replicas);
    for (Bucket bucket : make_buckets(end - begin, parts > 1 ? most : std::max<std::int64_t>(1, end - begin), parts,
                                      parts > 1 ? place.on(replicas) : 0)) {
      for (spec::Range* const range : {&bucket.flat, &bucket.own}) *range = {range->begin + begin, range->end + begin};
      bucket.kept = kept;
      bucket.of_experts = of_experts;
      kept += bucket.own.size();
      buckets.push_back(bucket);
    }
  };
  const std::int64_t experts = store.experts_begin();
  add(0, experts, spec::Axis::dp_cp, false);
  add(experts, store.flat().numel(), spec::Axis::edp, true);
  const auto first_unit = [&](const Bucket& bucket) {
    model::Unit first = facts.num_layers + 1;
    for (const weights::Shard& shard : store.shards())
      if (shard.offset < bucket.flat.end && shard.offset + shard.numel > bucket.flat.begin)
        first = std::min(first, model::units_of(facts, shard.parameter).front());
    return first;
  };
  std::vector<std::pair<model::Unit, Bucket>> ordered;
  for (const Bucket& bucket : buckets) ordered.emplace_back(first_unit(bucket), bucket);
  std::ranges::stable_sort(ordered, {}, [](const auto& entry) { return entry.first; });
  std::ranges::transform(ordered, buckets.begin(), [](const auto& entry) { return entry.second; });
  return buckets;
}

std::vector<std::vector<std::size_t>> buckets_of_units(const spec::ModelFacts& facts, const weights::ShardStore& store,
                                                       const std::vector<Bucket>& buckets) {
  std::vector<std::vector<std::size_t>> found(static_cast<std::size_t>(facts.num_layers + 2));
  for (const weights::Shard& shard : store.shards()) {
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      if (buckets[b].flat.end <= shard.offset || buckets[b].flat.begin >= shard.offset + shard.numel) continue;
      for (const model::Unit unit : model::units_of(facts, shard.parameter)) {
        auto& list = found[unit];
        if (std::find(list.begin(), list.end(), b) == list.end()) list.push_back(b);
      }
    }
  }
  return found;
}

BackwardOrder::BackwardOrder(std::vector<std::vector<std::size_t>> buckets_of_units, std::vector<bool> held)
    : buckets_of_units_(std::move(buckets_of_units)), held_(std::move(held)) {}

void BackwardOrder::begin(std::int64_t num_batches) {
  batches_left_.assign(buckets_of_units_.size(), num_batches);
  units_left_.assign(held_.size(), 0);
  for (const auto& buckets : buckets_of_units_)
    for (const std::size_t bucket : buckets) ++units_left_[bucket];
  next_ = held_.size();
}

std::vector<std::size_t> BackwardOrder::leave(model::Unit unit) {
  const auto at = static_cast<std::size_t>(unit);
  if (--batches_left_[at] == 0)
    for (const std::size_t bucket : buckets_of_units_[at]) --units_left_[bucket];
  std::vector<std::size_t> ready;
  while (next_ > 0 && units_left_[next_ - 1] == 0 && !held_[next_ - 1]) ready.push_back(--next_);
  return ready;
}

std::vector<std::size_t> BackwardOrder::finish() {
  std::vector<std::size_t> left;
  while (next_ > 0) left.push_back(--next_);
  return left;
}

}  // namespace muster::train

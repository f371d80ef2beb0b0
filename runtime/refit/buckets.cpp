#include "runtime/refit/buckets.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace muster::refit {
namespace {

/// The transfer in parts of at most `most` elements, of whole rows.
std::vector<Transfer> cut(const Transfer& transfer, std::int64_t most) {
  const spec::Range rows = transfer.box.ranges.at(0);
  const std::int64_t row_elements = transfer.box.numel() / rows.size();
  const std::int64_t rows_of_part = std::max<std::int64_t>(1, most / row_elements);
  std::vector<Transfer> parts;
  for (std::int64_t begin = rows.begin; begin < rows.end; begin += rows_of_part) {
    parts.push_back(transfer);
    parts.back().box.ranges[0] = {begin, std::min(rows.end, begin + rows_of_part)};
  }
  return parts;
}

}  // namespace

BucketCut::BucketCut(std::int64_t bucket_elements) : bucket_elements_(bucket_elements) {
  INVARIANT(bucket_elements > 0, "a bucket holds at least one element");
}

BucketCut::Load& BucketCut::load_of(std::int64_t rank) {
  if (rank >= std::ssize(loads_)) loads_.resize(static_cast<std::size_t>(rank) + 1);
  Load& load = loads_[rank];
  if (load.bucket != num_buckets_) load = {.bucket = num_buckets_};
  return load;
}

bool BucketCut::overflows(const Transfer& part) {
  const std::int64_t sent = load_of(part.source).sent, received = load_of(part.target).received;
  return std::max(sent, received) + part.box.numel() > bucket_elements_;
}

void BucketCut::add(const Transfer& transfer, const std::function<void(std::size_t, const Transfer&)>& visit) {
  if (transfer.source == transfer.target) return;
  const auto place = [&](const Transfer& part) {
    if (num_buckets_ == 0 || (overflows(part) && !is_empty_)) ++num_buckets_;
    is_empty_ = false;
    load_of(part.source).sent += part.box.numel();
    load_of(part.target).received += part.box.numel();
    visit(num_buckets_ - 1, part);
  };
  if (transfer.box.numel() <= bucket_elements_) return place(transfer);
  for (const Transfer& part : cut(transfer, bucket_elements_)) place(part);
}

std::vector<std::vector<Transfer>> cut_into_buckets(std::span<const Transfer> route, std::int64_t bucket_elements) {
  std::vector<std::vector<Transfer>> buckets;
  BucketCut cutting(bucket_elements);
  for (const Transfer& transfer : route) {
    cutting.add(transfer, [&](std::size_t bucket, const Transfer& part) {
      buckets.resize(bucket + 1);
      buckets[bucket].push_back(part);
    });
  }
  return buckets;
}

}  // namespace muster::refit

// The transfers between ranks in the order and portions in which they are exchanged. Pure: every rank derives the same.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/refit/route.h"

namespace muster::refit {

/// Cuts the transfers between ranks into buckets: in no bucket does a rank send or receive more than `bucket_elements`,
/// single rows that are longer aside. A transfer that is larger is cut along dim 0. Copies on a rank are left out.
std::vector<std::vector<Transfer>> cut_into_buckets(std::span<const Transfer> route, std::int64_t bucket_elements);

/// The same, transfer by transfer, without a list of them.
class BucketCut {
 public:
  explicit BucketCut(std::int64_t bucket_elements);
  /// Calls visit(bucket, part) for each part of the transfer; buckets are numbered from 0 and never go back.
  void add(const Transfer& transfer, const std::function<void(std::size_t bucket, const Transfer& part)>& visit);
  std::size_t num_buckets() const { return num_buckets_; }

 private:
  struct Load {
    std::size_t bucket = 0;  // to which it belongs: num_buckets when it was written
    std::int64_t sent = 0, received = 0;
  };
  Load& load_of(std::int64_t rank);
  bool overflows(const Transfer& part);

  std::int64_t bucket_elements_;
  std::size_t num_buckets_ = 0;
  bool is_empty_ = true;
  std::vector<Load> loads_;  // by rank
};

}  // namespace muster::refit

// The transfers between ranks in the order and portions in which they are exchanged. Pure: every rank derives the same.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/refit/route.h"

namespace muster::refit {

/// Cuts the transfers between ranks into buckets: in no bucket does a rank send or receive more than `bucket_elements`,
/// single rows that are longer aside. A transfer that is larger is cut along dim 0. Copies on a rank are left out.
std::vector<std::vector<Transfer>> cut_into_buckets(std::span<const Transfer> route, std::int64_t bucket_elements);

}  // namespace muster::refit

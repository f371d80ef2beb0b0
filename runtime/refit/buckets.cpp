#include "runtime/refit/buckets.h"

#include <algorithm>
#include <map>

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

std::vector<std::vector<Transfer>> cut_into_buckets(std::span<const Transfer> route, std::int64_t bucket_elements) {
  INVARIANT(bucket_elements > 0, "a bucket holds at least one element");
  std::vector<std::vector<Transfer>> buckets;
  std::map<std::int64_t, std::int64_t> sent, received;  // elements in the open bucket, of each rank
  for (const Transfer& whole : route) {
    if (whole.source == whole.target) continue;
    for (Transfer& part : cut(whole, bucket_elements)) {
      const std::int64_t elements = part.box.numel();
      if (buckets.empty() || std::max(sent[part.source], received[part.target]) + elements > bucket_elements) {
        if (buckets.empty() || !buckets.back().empty()) buckets.emplace_back();
        sent.clear();
        received.clear();
      }
      sent[part.source] += elements;
      received[part.target] += elements;
      buckets.back().push_back(std::move(part));
    }
  }
  return buckets;
}

}  // namespace muster::refit

#include "runtime/data/newer_characters.h"

#include <algorithm>

#include "runtime/base/utf8.h"

namespace muster::data {
namespace {

struct PointRange {
  std::int32_t first, last;
};
struct StandIn {
  std::int32_t first, last, other;
};

#include "runtime/data/newer_characters.inc"

template <class Ranges>
const auto* range_of(const Ranges& ranges, std::int32_t point) {
  const auto found =
      std::partition_point(std::begin(ranges), std::end(ranges), [&](const auto& range) { return range.last < point; });
  return found != std::end(ranges) && found->first <= point ? found : nullptr;
}

}  // namespace

std::optional<std::string> with_stand_ins(std::string_view text) {
  std::optional<std::string> made;
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0xE0) {  // all of them have three or four bytes
      ++at;
      continue;
    }
    const std::size_t size = static_cast<unsigned char>(text[at]) < 0xF0 ? 3 : 4;
    if (const StandIn* range = range_of(kStandIns, base::code_point(text.substr(at, size)))) {
      if (!made) made = std::string(text);
      std::string other;
      base::append_utf8(other, range->other);
      made->replace(at, size, other);
    }
    at += size;
  }
  return made;
}

bool is_new_number(std::int32_t point) { return range_of(kNewNumbers, point) != nullptr; }
bool is_inert(std::int32_t point) { return range_of(kInertMarks, point) != nullptr; }

}  // namespace muster::data

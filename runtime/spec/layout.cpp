#include "runtime/spec/layout.h"

#include "runtime/base/error.h"

namespace muster::spec {

const char* axis_name(Axis axis) {
  switch (axis) {
    case Axis::tp:
      return "tp";
    case Axis::cp:
      return "cp";
    case Axis::dp:
      return "dp";
    case Axis::pp:
      return "pp";
    case Axis::ep:
      return "ep";
  }
  return "?";
}

std::int64_t Degrees::of(Axis axis) const {
  switch (axis) {
    case Axis::tp:
      return tp;
    case Axis::cp:
      return cp;
    case Axis::dp:
      return dp;
    case Axis::pp:
      return pp;
    case Axis::ep:
      return ep;
  }
  return 1;
}

std::int64_t Coordinates::on(Axis axis) const {
  switch (axis) {
    case Axis::tp:
      return tp;
    case Axis::cp:
      return cp;
    case Axis::dp:
      return dp;
    case Axis::pp:
      return pp;
    case Axis::ep:
      return ep;
  }
  return 0;
}

Coordinates place_of(const Degrees& degrees, std::int64_t role_rank) {
  INVARIANT(role_rank >= 0 && role_rank < degrees.ranks(), "a role rank lies within its mesh");
  Coordinates place;
  place.tp = role_rank % degrees.tp;
  place.cp = role_rank / degrees.tp % degrees.cp;
  place.dp = role_rank / (degrees.tp * degrees.cp) % degrees.dp;
  place.pp = role_rank / (degrees.tp * degrees.cp * degrees.dp);
  place.ep = role_rank % degrees.ep;  // contiguous ranks of one stage; ep divides the ranks of a stage
  return place;
}

std::int64_t rank_of(const Degrees& degrees, const Coordinates& place) {
  return place.tp + degrees.tp * (place.cp + degrees.cp * (place.dp + degrees.dp * place.pp));
}

std::vector<std::int64_t> group_of(const Degrees& degrees, Axis axis, std::int64_t role_rank) {
  std::vector<std::int64_t> group;
  if (axis == Axis::ep) {
    const std::int64_t first = role_rank - role_rank % degrees.ep;
    for (std::int64_t i = 0; i < degrees.ep; ++i) group.push_back(first + i);
    return group;
  }
  Coordinates place = place_of(degrees, role_rank);
  std::int64_t& moving = axis == Axis::tp   ? place.tp
                         : axis == Axis::cp ? place.cp
                         : axis == Axis::dp ? place.dp
                                            : place.pp;
  for (moving = 0; moving < degrees.of(axis); ++moving) group.push_back(rank_of(degrees, place));
  return group;
}

std::int64_t group_index(const Degrees& degrees, Axis axis, std::int64_t role_rank) {
  if (axis == Axis::ep) return role_rank / degrees.ep;
  const Coordinates place = place_of(degrees, role_rank);
  std::int64_t index = 0;
  std::int64_t stride = 1;
  for (const Axis other : kGridAxes) {
    if (other == axis) continue;
    index += place.on(other) * stride;
    stride *= degrees.of(other);
  }
  return index;
}

Range part_of(std::int64_t count, std::int64_t parts, std::int64_t index) {
  INVARIANT(parts > 0 && index >= 0 && index < parts, "a part lies within its parts");
  const std::int64_t small = count / parts;
  const std::int64_t larger = count % parts;
  const std::int64_t begin = index * small + (index < larger ? index : larger);
  return {begin, begin + small + (index < larger ? 1 : 0)};
}

}  // namespace muster::spec

#include "runtime/spec/layout.h"

#include "runtime/base/error.h"

namespace muster::spec {

const char* axis_name(Axis axis) {
  constexpr std::array<const char*, kAxes.size()> kNames{"tp", "cp", "dp", "pp", "ep", "etp", "edp", "dp_cp"};
  return kNames[static_cast<std::size_t>(axis)];
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
    case Axis::etp:
      return etp;
    case Axis::edp:
      return tp * cp * dp / (ep * etp);
    case Axis::dp_cp:
      return cp * dp;
  }
  return 1;
}

bool experts_are_cut(const Degrees& degrees) { return degrees.ep == 1 && degrees.etp == degrees.tp; }

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
    case Axis::etp:
      return etp;
    case Axis::edp:
      return edp;
    case Axis::dp_cp:
      return dp_cp;
  }
  return 0;
}

namespace {

/// An axis is a walk of `size` steps of `stride` ranks from its first one; what lies under a stride is its own group.
struct Walk {
  std::int64_t size = 1, stride = 1;
  std::int64_t index(std::int64_t role_rank) const { return role_rank / stride % size; }
};

Walk walk_of(const Degrees& degrees, Axis axis) {
  const std::int64_t size = degrees.of(axis);
  switch (axis) {
    case Axis::tp:
    case Axis::etp:
      return {size, 1};
    case Axis::ep:
      return {size, degrees.etp};
    case Axis::cp:
    case Axis::dp_cp:
      return {size, degrees.tp};
    case Axis::dp:
      return {size, degrees.tp * degrees.cp};
    case Axis::pp:
      return {size, degrees.tp * degrees.cp * degrees.dp};
    case Axis::edp:
      return {size, degrees.etp * degrees.ep};
  }
  return {};
}

}  // namespace

Coordinates place_of(const Degrees& degrees, std::int64_t role_rank) {
  INVARIANT(role_rank >= 0 && role_rank < degrees.ranks(), "a role rank lies within its mesh");
  const auto index = [&](Axis axis) { return walk_of(degrees, axis).index(role_rank); };
  return {.tp = index(Axis::tp),
          .cp = index(Axis::cp),
          .ep = index(Axis::ep),
          .dp = index(Axis::dp),
          .pp = index(Axis::pp),
          .etp = index(Axis::etp),
          .edp = index(Axis::edp),
          .dp_cp = index(Axis::dp_cp)};
}

std::int64_t rank_of(const Degrees& degrees, const Coordinates& place) {
  return place.tp + degrees.tp * (place.cp + degrees.cp * (place.dp + degrees.dp * place.pp));
}

std::vector<std::int64_t> group_of(const Degrees& degrees, Axis axis, std::int64_t role_rank) {
  const Walk walk = walk_of(degrees, axis);
  const std::int64_t first = role_rank - walk.index(role_rank) * walk.stride;
  std::vector<std::int64_t> group;
  for (std::int64_t i = 0; i < walk.size; ++i) group.push_back(first + i * walk.stride);
  return group;
}

std::int64_t group_index(const Degrees& degrees, Axis axis, std::int64_t role_rank) {
  const Walk walk = walk_of(degrees, axis);
  return role_rank / (walk.size * walk.stride) * walk.stride + role_rank % walk.stride;
}

Range part_of(std::int64_t count, std::int64_t parts, std::int64_t index) {
  INVARIANT(parts > 0 && index >= 0 && index < parts, "a part lies within its parts");
  const std::int64_t small = count / parts;
  const std::int64_t larger = count % parts;
  const std::int64_t begin = index * small + (index < larger ? index : larger);
  return {begin, begin + small + (index < larger ? 1 : 0)};
}

Range layers_of(const Degrees& degrees, std::int64_t num_layers, std::int64_t stage, std::int64_t chunk) {
  INVARIANT(chunk >= 0 && chunk < degrees.vpp, "a stage has vpp chunks");
  const std::int64_t chunks = degrees.pp * degrees.vpp;
  const std::int64_t first = degrees.first_stage_layers, last = degrees.last_stage_layers;
  INVARIANT(first + last <= num_layers && (first + last == 0 || (degrees.pp > 1 && degrees.vpp == 1)),
            "uneven ends lie within the layers of a pipeline without virtual stages");
  if (first > 0 && stage == 0) return {0, first};
  if (last > 0 && stage == degrees.pp - 1) return {num_layers - last, num_layers};
  const std::int64_t before = first > 0 ? 1 : 0;
  const Range middle =
      part_of(num_layers - first - last, chunks - before - (last > 0 ? 1 : 0), chunk * degrees.pp + stage - before);
  return {first + middle.begin, first + middle.end};
}

std::int64_t stage_of_layer(const Degrees& degrees, std::int64_t num_layers, std::int64_t layer) {
  for (std::int64_t stage = 0; stage < degrees.pp; ++stage) {
    for (std::int64_t chunk = 0; chunk < degrees.vpp; ++chunk) {
      const Range layers = layers_of(degrees, num_layers, stage, chunk);
      if (layer >= layers.begin && layer < layers.end) return stage;
    }
  }
  INVARIANT(false, "a layer lies in a chunk");
  return 0;
}

}  // namespace muster::spec

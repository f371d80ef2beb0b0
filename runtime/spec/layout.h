// Rank <-> place on each parallel axis: one place for the order of axes (tp fastest, then cp, ep within dp, dp, pp
// slowest).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace muster::spec {

enum class Axis { tp, cp, dp, pp, ep };
inline constexpr std::array<Axis, 4> kGridAxes{Axis::tp, Axis::cp, Axis::dp,
                                               Axis::pp};  // their product is the role's ranks
const char* axis_name(Axis axis);

/// Degrees of one role. ep divides cp*dp*tp and is carved out of them (contiguous), so it is no factor of the product.
struct Degrees {
  std::int64_t tp = 1, cp = 1, ep = 1, dp = 1, pp = 1, vpp = 1;
  std::int64_t ranks() const { return tp * cp * dp * pp; }
  std::int64_t of(Axis axis) const;
  bool operator==(const Degrees&) const = default;
};

/// Where one rank of a role stands.
struct Coordinates {
  std::int64_t tp = 0, cp = 0, ep = 0, dp = 0, pp = 0;
  std::int64_t on(Axis axis) const;
  bool operator==(const Coordinates&) const = default;
};

/// role_rank counts within the role from 0. Bijection with rank_of.
Coordinates place_of(const Degrees& degrees, std::int64_t role_rank);
std::int64_t rank_of(const Degrees& degrees, const Coordinates& place);
/// The role ranks that form one group along `axis` with `role_rank`, in the order of the axis.
std::vector<std::int64_t> group_of(const Degrees& degrees, Axis axis, std::int64_t role_rank);
/// Number of the group along `axis` that this rank is in: same number, same group (the colour of a split).
std::int64_t group_index(const Degrees& degrees, Axis axis, std::int64_t role_rank);

/// The half-open range of `count` things that part `index` of `parts` owns; parts differ by one at most, larger ones
/// first.
struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};
Range part_of(std::int64_t count, std::int64_t parts, std::int64_t index);

}  // namespace muster::spec

// Rank <-> place on each parallel axis: one place for the order of axes (tp fastest, then cp, dp, and pp slowest) and
// for the layers of a pipeline stage.
//
//   role rank = tp + TP * (cp + CP * (dp + DP * pp))
//
// Experts stand on a grid of their own over the same ranks of a stage (TP * CP * DP of them, consecutive):
//
//   rank within the stage = ep + EP * edp          ep > 1: an expert lies whole on one rank (expert tensor parallel 1)
//
// so an ep group is EP consecutive ranks, and the edp group ("expert data parallel") of a rank is the ranks that hold
// the same experts: their gradients are summed over edp, those of everything else over dp_cp. With ep = 1 experts are
// cut over tp as a dense block is, and edp is dp_cp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace muster::spec {

/// dp_cp: the ranks that hold the same dense weights, cp fastest. edp: those that hold the same experts.
enum class Axis { tp, cp, dp, pp, ep, etp, edp, dp_cp };
inline constexpr std::array<Axis, 4> kGridAxes{Axis::tp, Axis::cp, Axis::dp,
                                               Axis::pp};  // their product is the role's ranks
inline constexpr std::array<Axis, 8> kAxes{Axis::tp, Axis::cp,  Axis::dp,  Axis::pp,
                                           Axis::ep, Axis::etp, Axis::edp, Axis::dp_cp};
const char* axis_name(Axis axis);

/// Degrees of one role. ep * etp divides tp*cp*dp and is carved out of them, so they are no factors of the product.
struct Degrees {
  std::int64_t tp = 1, cp = 1, ep = 1, etp = 1, dp = 1, pp = 1, vpp = 1;
  std::int64_t first_stage_layers = 0, last_stage_layers = 0;  // 0: as many as the other stages have; with vpp = 1
  std::int64_t fsdp = 0;                                       // 1: every parameter is cut over dp too
  std::int64_t ranks() const { return tp * cp * dp * pp; }
  std::int64_t of(Axis axis) const;
  bool operator==(const Degrees&) const = default;
};

/// Each expert is cut over tp as a dense block is, or tp is 1; otherwise experts lie whole on a rank, and the ranks of
/// tp share their tokens out among themselves.
bool experts_are_cut(const Degrees& degrees);

/// Where one rank of a role stands. place_of fills all of it; rank_of reads tp, cp, dp and pp.
struct Coordinates {
  std::int64_t tp = 0, cp = 0, ep = 0, dp = 0, pp = 0, etp = 0, edp = 0, dp_cp = 0;
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
/// Parts of `by` that `count` things need: the quotient, rounded up.
constexpr std::int64_t divided_up(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

/// The layers of one chunk of the pipeline. A stage has vpp chunks; chunk c of all pp * vpp is stage c % pp's chunk
/// number c / pp. first_stage_layers and last_stage_layers fix the ends; the others share the rest by part_of.
Range layers_of(const Degrees& degrees, std::int64_t num_layers, std::int64_t stage, std::int64_t chunk = 0);
std::int64_t stage_of_layer(const Degrees& degrees, std::int64_t num_layers, std::int64_t layer);

}  // namespace muster::spec

// One communicator for each axis of a role.
#include "runtime/parallel/mesh.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::parallel {
namespace {

std::unique_ptr<comm::Communicator> split_along(comm::Communicator& role, const spec::Degrees& degrees, spec::Axis axis,
                                                const std::string& name) {
  const spec::Coordinates place = spec::place_of(degrees, role.rank());
  return role.split(static_cast<int>(spec::group_index(degrees, axis, role.rank())), static_cast<int>(place.on(axis)),
                    base::text(name, ".", spec::axis_name(axis)));
}

}  // namespace

Mesh::Mesh(std::unique_ptr<comm::Communicator> role, const spec::Degrees& degrees, const std::string& name,
           bool has_experts)
    : degrees_(degrees), role_(std::move(role)) {
  INVARIANT(degrees_.ranks() == role_->size(),
            base::text("the degrees of ", name, " multiply to its ", role_->size(), " ranks, not ", degrees_.ranks()));
  INVARIANT(degrees_.etp == 1 || spec::experts_are_cut(degrees_),
            "an expert lies whole on one rank, or is cut over tp");
  coordinates_ = spec::place_of(degrees_, role_->rank());
  tp_ = split_along(*role_, degrees_, spec::Axis::tp, name);
  cp_ = split_along(*role_, degrees_, spec::Axis::cp, name);
  dp_cp_ = split_along(*role_, degrees_, degrees_.cp == 1 ? spec::Axis::dp : spec::Axis::dp_cp, name);
  pp_ = split_along(*role_, degrees_, spec::Axis::pp, name);
  if (!has_experts) return;
  ep_ = split_along(*role_, degrees_, spec::Axis::ep, name);
  edp_ = split_along(*role_, degrees_, spec::Axis::edp, name);
}

void Mesh::close() {
  if (has_experts()) {
    edp_->close();
    ep_->close();
  }
  pp_->close();
  dp_cp_->close();
  cp_->close();
  tp_->close();
  role_->close();
}

}  // namespace muster::parallel

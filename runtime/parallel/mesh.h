// The communicators of one role: one for each axis, made in one place and in the same order on all ranks.
#pragma once

#include <memory>

#include "runtime/comm/communicator.h"
#include "runtime/spec/layout.h"

namespace muster::parallel {

class Mesh {
 public:
  /// collective: role. `role` holds the ranks of the role in role-rank order (a split of the world) and is owned from
  /// here on.
  /// has_experts: the axes of experts are made too.
  Mesh(std::unique_ptr<comm::Communicator> role, const spec::Degrees& degrees, const std::string& name,
       bool has_experts = false);

  const spec::Degrees& degrees() const { return degrees_; }
  const spec::Coordinates& coordinates() const { return coordinates_; }
  comm::Communicator& role() { return *role_; }
  comm::Communicator& tp() { return *tp_; }
  comm::Communicator& cp() { return *cp_; }
  /// dp x cp: the ranks that hold the same dense weights, over which their gradients are summed and their optimizer
  /// state is cut.
  comm::Communicator& dp_cp() { return *dp_cp_; }
  comm::Communicator& pp() { return *pp_; }
  bool has_experts() const { return ep_ != nullptr; }
  /// The ranks over which experts are dealt out, and those that hold the same ones. Of a model with experts.
  comm::Communicator& ep() { return *ep_; }
  comm::Communicator& edp() { return *edp_; }
  /// collective: role.
  void close();

 private:
  spec::Degrees degrees_;
  spec::Coordinates coordinates_;
  std::unique_ptr<comm::Communicator> role_, tp_, cp_, dp_cp_, pp_, ep_, edp_;
};

}  // namespace muster::parallel

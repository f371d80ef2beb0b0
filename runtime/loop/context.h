// What a rank is: its plan and place, its communicators, its console. main builds one and hands it down; there are no
// globals.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "runtime/base/signals.h"
#include "runtime/comm/call_log.h"
#include "runtime/comm/communicator.h"
#include "runtime/comm/store.h"
#include "runtime/device/stream.h"
#include "runtime/log/console.h"
#include "runtime/loop/phase_clock.h"
#include "runtime/parallel/mesh.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/rank_env.h"

namespace muster::generate {
struct SchedulerFigures;
}

namespace muster::loop {

struct GradedSample;
struct Rollout;

struct RankContext {
  base::SignalQueue warning{SIGUSR2};  // before the time limit; first, so that it is blocked in every thread
  spec::Plan plan;
  spec::Placement placement;
  spec::RankEnv env;
  spec::RankPlan self;
  at::Device device{at::kCPU};  // where tensors lie
  device::Device gpu;           // the same for streams and memory figures; the CPU by default
  log::Console console{0, false};
  PhaseClock* clock = nullptr;
  comm::CallLog calls;
  /// Set in a rehearsal, where tensors have no data (rehearsal/rehearse.h): the samples that all ranks would have
  /// generated for the prompts of the rollout, under this number of a draw and with weights of this version. It is told
  /// what this rank's own generator did.
  std::function<std::vector<GradedSample>(const Rollout&, std::int64_t draw, std::int64_t weight_version,
                                          const generate::SchedulerFigures& generated)>
      stand_in;
  std::shared_ptr<comm::Store> store;         // of the attempt, for what is no collective; null in a rehearsal
  std::unique_ptr<comm::Communicator> world;  // every rank, tensors of `device`
  std::unique_ptr<comm::Communicator>
      host_group;                            // every rank, CPU tensors; null on the CPU, where the world moves them
  std::unique_ptr<parallel::Mesh> train;     // null on a rank that only generates
  std::unique_ptr<parallel::Mesh> generate;  // null on a rank that only trains

  /// For what lies on the host: samples, figures.
  comm::Communicator& host() { return host_group ? *host_group : *world; }
  const spec::Job& job() const { return plan.job; }
  bool rehearses() const { return stand_in != nullptr; }
  spec::RunPaths paths() const { return {plan.run_folder}; }
  bool is_writer() const { return self.rank == 0; }
};

/// The meshes of the roles that this rank has, from its world. collective: world.
void make_meshes(RankContext& context);

}  // namespace muster::loop

// muster-rank: one rank. Reads the plan and its place, joins the communicators, runs the loop, leaves with an exit
// code.
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/inherited.h"
#include "runtime/base/system_error.h"
#include "runtime/base/text.h"
#include "runtime/comm/compared_communicator.h"
#include "runtime/comm/gloo_communicator.h"
#include "runtime/comm/nccl_communicator.h"
#include "runtime/comm/rendezvous.h"
#include "runtime/comm/store.h"
#include "runtime/device/cuda_library.h"
#include "runtime/loop/run.h"
#include "runtime/ops/forms.h"
#include "runtime/ops/memory.h"
#include "runtime/ops/memory_tracking.h"
#include "runtime/rehearsal/rehearse.h"
#include "runtime/spec/start_events.h"
#include "runtime/spec/supported.h"
#include "runtime/verbs/check.h"
#include "runtime/verbs/export.h"
#include "runtime/verbs/inspect.h"
#include "runtime/verbs/rank_verbs.h"

namespace muster {
namespace {

const std::string& address_of(const loop::RankContext& context, const spec::RankPlan& rank) {
  return context.placement.nodes.at(rank.node_slot).address;
}

// A communicator of the GPU failed while the rank's own thread may be waiting for a kernel that never ends: the rank
// leaves at once.
void leave_with(const std::string& sentence) {
  std::cerr << "muster-rank: " << sentence << std::endl;
  ::_exit(4);
}

// Joins the world and makes the meshes of the roles that this rank has. collective: all ranks of the run.
void join(loop::RankContext& context) {
  const spec::Plan& plan = context.plan;
  const spec::WatchdogJob& watchdog = plan.job.watchdog;
  const std::string key = comm::read_attempt_key(context.placement.key_file);
  const int rank = static_cast<int>(context.self.rank), size = static_cast<int>(plan.ranks.size());
  const std::shared_ptr<comm::Store> store = comm::join_rendezvous({.address = address_of(context, plan.ranks.front()),
                                                                    .port = static_cast<int>(context.placement.port),
                                                                    .key = key,
                                                                    .rank = rank,
                                                                    .timeout_s = watchdog.start_timeout_s});
  const auto make_group = [&](const char* name) {
    return comm::make_gloo(
        name, comm::prefixed(name, store), rank, size,
        {.address = address_of(context, context.self), .timeout_s = watchdog.comm_timeout_s, .key = key});
  };
  context.store = comm::prefixed("loop", store);
  context.world = make_group("world");
  if (watchdog.compare_calls && size > 1)
    context.world = comm::make_compared(std::move(context.world), make_group("compare"));
  context.world->set_observers({context.clock, &context.calls});
  if (plan.device == "cuda") {
    context.host_group = std::move(context.world);
    context.world = comm::make_nccl("device", comm::prefixed("device", store), rank, size,
                                    {.device = context.gpu,
                                     .nccl = &comm::nccl_api(),
                                     .timeout_s = watchdog.comm_timeout_s,
                                     .on_failure = leave_with});
    context.world->set_observers({context.clock, &context.calls});
  }
  loop::make_meshes(context);
}

// What outlives the rank's own work: as long as memory is given back, it still beats.
struct Life {
  std::optional<spec::Beat> beat;
  std::optional<spec::StackAnswers> stacks;
  std::optional<loop::PhaseClock> clock;
};

int run_rank(Life& life) {
  loop::RankContext context;
  context.env = spec::parse_rank_env();
  if (context.env.beat_fd >= 0) {
    life.beat.emplace(spec::Beat::open(context.env.beat_fd));
    life.stacks.emplace(life.beat->page().stacks);
  }
  context.clock = &life.clock.emplace(life.beat ? &life.beat->page() : nullptr);
  context.plan = spec::read_plan(context.env.plan);
  context.placement = spec::read_placement(context.env.placement);
  spec::check_placement(context.placement, context.plan, context.env.placement.string());
  if (context.env.rank < 0 || context.env.rank >= std::ssize(context.plan.ranks))
    throw Error::user(
        {.what = base::text("rank ", context.env.rank, " is not in the plan, which has ", context.plan.ranks.size()),
         .where = context.env.plan.string()});
  context.self = context.plan.ranks[context.env.rank];
  context.console = log::Console(context.self.rank, context.is_writer());
  spec::check_supported(context.plan, context.env.plan.string());
  at::set_num_threads(static_cast<int>(context.job().threads));
  ops::allow_plain_forms(context.job().allow_fallback);
  if (context.plan.device == "cuda") {
    context.gpu = device::open_cuda_device(static_cast<int>(context.self.device));
    context.device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(context.self.device));
  } else {
    ops::track_memory(ops::TrackedDevice::cpu);
    context.clock->watch_memory(ops::TrackedDevice::cpu);
  }
  join(context);
  context.console.info("rank", spec::kRanksMet, {{"ranks", base::text(context.plan.ranks.size())}});
  if (context.job().verb.kind == "steps")
    loop::run(context);
  else
    verbs::run_verb(context);
  if (context.generate) context.generate->close();
  if (context.train) context.train->close();
  context.world->close();
  if (context.host_group) context.host_group->close();
  return 0;
}

// The verb in argv[1], which needs no other rank: check, inspect, export, rehearse. throws: Error::user on an unknown
// one.
int run_own_verb(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "check" && argc == 2) return verbs::check_machine();
  if (verb == "inspect") {
    if (argc != 4 || std::string(argv[2]) != "--model")
      throw Error::user({.what = "muster-runtime inspect --model DIR"});
    return verbs::inspect_model(argv[3]);
  }
  if (verb == "export") return verbs::export_verb({argv + 1, argv + argc});
  if (verb == "rehearse") return rehearsal::rehearse_verb({argv + 1, argv + argc});
  throw Error::user({.what = "unknown verb '" + verb + "'", .fix = "muster-runtime --help lists them"});
}

}  // namespace
}  // namespace muster

int main(int argc, char** argv) {
  using namespace muster;
  base::repair_inherited_state();
  ops::keep_freed_memory();
  Life life;
  int code = 70;
  std::string message;
  try {
    code = argc > 1 ? run_own_verb(argc, argv) : run_rank(life);
  } catch (const c10::Error& error) {
    message = error.what_without_backtrace();
    std::cerr << error.what() << std::endl;
  } catch (const std::exception& exception) {
    const Error error = base::error_of(exception);
    message = error.what();
    code = error.exit_code();
  }
  if (!message.empty()) {
    if (life.beat) spec::set_text(life.beat->page().message, message);
    std::cerr << "muster-rank: " << message << std::endl;
  }
  std::cout.flush();
  std::fflush(nullptr);
  // The process just ends: what libraries would still tidy up can take seconds on a busy node, without a beat.
  ::_exit(code);
}

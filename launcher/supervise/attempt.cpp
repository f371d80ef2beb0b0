#include "launcher/supervise/attempt.h"

#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/port.h"
#include "runtime/base/process.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"

namespace muster::supervise {
namespace {

// mkdir decides between two attempts that begin at once: a number that exists is another's.
std::int64_t make_attempt_folder(const spec::RunPaths& paths, std::int64_t number) {
  while (true) {
    std::error_code code;
    if (std::filesystem::create_directory(paths.attempt(number), code)) return number;
    if (code)
      throw Error::user({.what = "cannot make the folder: " + code.message(),
                         .where = paths.attempt(number).string(),
                         .fix = "choose a run folder that you may write"});
    ++number;
  }
}

// What a run writes lies in its own folder; a link that was planted there would lead it elsewhere.
void check_no_links(const spec::RunPaths& paths) {
  base::Faults faults;
  for (const std::filesystem::path& path :
       {paths.steps(), paths.samples(), paths.warmup(), paths.validation(), paths.validation_samples(), paths.data(),
        paths.checkpoints(), paths.final_model(), paths.folder / "tensorboard"}) {
    std::error_code ignored;
    if (std::filesystem::is_symlink(path, ignored) && !std::filesystem::is_character_file(path, ignored))
      faults.add({.what = "is a symbolic link, which a run does not follow in its folder",
                  .where = path.string(),
                  .fix = "remove the link; the run folder itself, or the folder of all runs, may be one"});
  }
  faults.throw_if_any();
}

// A supervisor or agent that was killed leaves its key and half-written records.
void clear_earlier(const spec::RunPaths& paths, std::int64_t number) {
  std::error_code ignored;
  for (std::int64_t earlier = 0; earlier < number; ++earlier) {
    std::filesystem::remove(paths.attempt(earlier) / "key", ignored);
    for (const auto& entry : std::filesystem::directory_iterator(paths.attempt(earlier), ignored))
      if (entry.path().extension().string().starts_with(".tmp")) std::filesystem::remove(entry.path(), ignored);
  }
}

void raise_epoch(const spec::RunPaths& paths, const spec::Epoch& epoch) {
  base::write_file(paths.epoch(), spec::epoch_text(epoch));
  const auto now = spec::current_epoch(paths.folder);
  if (!now || now->id != epoch.id)
    throw Error::user({.what = "another attempt of this run began at the same moment",
                       .where = paths.folder.string(),
                       .fix = "look with `muster status`"});
}

}  // namespace

Attempt begin_attempt(const spec::Plan& plan, const std::vector<spec::NodePlace>& nodes) {
  Attempt attempt{.paths = {plan.run_folder}};
  const auto before = spec::current_epoch(plan.run_folder);
  if (before && spec::is_alive_here(*before))
    throw Error::user(
        {.what = base::text("attempt ", before->attempt, " of this run is going on here (process ", before->pid, ")"),
         .where = plan.run_folder.string(),
         .fix = "end it first (muster cancel), or choose another --run-dir"});
  check_no_links(attempt.paths);
  spec::Placement& placement = attempt.placement;
  placement.attempt_id = base::random_hex(8);
  placement.attempt = make_attempt_folder(attempt.paths, before ? before->attempt + 1 : 0);
  raise_epoch(attempt.paths, {.attempt = placement.attempt,
                              .id = placement.attempt_id,
                              .host = spec::this_host(),
                              .boot_id = spec::this_boot_id(),
                              .pid = ::getpid(),
                              .start_ticks = base::process_facts(::getpid()).value().start_ticks});
  clear_earlier(attempt.paths, placement.attempt);
  placement.nodes = nodes;
  placement.key_file = attempt.paths.attempt(placement.attempt) / "key";
  base::write_file(placement.key_file, base::random_hex(32) + "\n", 0600);
  const std::int64_t first_slot = plan.ranks.at(0).node_slot;
  const bool is_here = nodes.at(first_slot).host == spec::this_host();
  placement.port = base::choose_port(placement.attempt_id, base::ephemeral_begin(),
                                     [&](std::int64_t port) { return !is_here || base::port_is_free(port); });
  base::write_file(attempt.paths.placement(placement.attempt), spec::placement_text(placement));
  return attempt;
}

std::string beginning_text(const spec::Plan& plan) {
  if (plan.job.checkpoint.every == 0) return "begins again at step 1: no checkpoints are written";
  const spec::RunPaths paths{plan.run_folder};
  const std::vector<std::int64_t> steps = spec::complete_checkpoints(paths);
  if (steps.empty()) return "begins again at step 1: there is no checkpoint yet";
  std::string fault;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const std::string own = spec::checkpoint_fault(paths, plan, *step, std::nullopt);
    if (own.empty())
      return base::text("resumes after step ", *step, ", or after an older one where a checksum of it is wrong");
    fault = fault.empty() ? own : fault;
  }
  return base::text("cannot go on: none of its ", steps.size(), " checkpoints can be used; the newest: ", fault);
}

void end_attempt(const Attempt& attempt) noexcept {
  std::error_code ignored;
  std::filesystem::remove(attempt.placement.key_file, ignored);
}

}  // namespace muster::supervise

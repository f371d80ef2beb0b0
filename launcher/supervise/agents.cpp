#include "launcher/supervise/agents.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "launcher/slurm/agents_step.h"
#include "launcher/slurm/control.h"
#include "launcher/slurm/environment.h"
#include "runtime/base/error.h"
#include "runtime/base/followed_file.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/rank_env.h"

namespace muster::supervise {
namespace {

std::vector<std::string> agent_words(const spec::Plan& plan, const Attempt& attempt) {
  return {
      (plan.binaries / "muster-runtime").string(),       "node", "--plan", attempt.paths.plan().string(), "--placement",
      attempt.paths.placement(attempt.number()).string()};
}

std::string ended_text(const std::string& name, const base::ChildEnd& end) {
  if (end.signal != 0) return base::text(name, " was ended by signal ", end.signal);
  return base::text(name, " left with code ", end.code);
}

// The last line, and where that is the fix of a fault (indented, below it) the fault before it.
std::string last_words(const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  const std::string& last = lines.back();
  if (lines.size() < 2 || !last.starts_with("    ")) return base::trim(last);
  return lines[lines.size() - 2] + ": " + base::trim(last);
}

}  // namespace

Agents::Agents(const spec::Plan& plan, const Attempt& attempt, const Nodes& nodes,
               const std::vector<std::string>& srun_flags)
    : by_srun_(nodes.by_srun) {
  if (by_srun_) {
    step_name_ = "muster-" + attempt.placement.attempt_id;
    slurm::AgentsStep step{.name = step_name_,
                           .agent = agent_words(plan, attempt),
                           .flags = srun_flags,
                           .attempt_folder = attempt.paths.attempt(attempt.number())};
    for (const spec::NodePlace& place : nodes.places) step.hosts.push_back(place.host);
    const std::filesystem::path log = step.attempt_folder / "srun.log";
    starters_.push_back({"srun",
                         base::start_child({.command = slurm::agents_command(step),
                                            .environment = slurm::step_environment(slurm::own_environment()),
                                            .output = log,
                                            .keeps_ignored = true}),
                         true, log});
    return;
  }
  try {
    for (const spec::NodePlace& place : nodes.places) {
      std::vector<std::string> command = agent_words(plan, attempt);
      command.insert(command.end(), {"--slot", std::to_string(place.slot)});
      const std::filesystem::path log = attempt.paths.node_log(attempt.number(), place.slot);
      starters_.push_back({base::text("the agent of slot ", place.slot),
                           base::start_child({.command = command, .output = log, .keeps_ignored = true}), true, log});
    }
  } catch (const Error&) {
    signal(SIGTERM);
    for (const Starter& starter : starters_) base::wait_child(starter.pid, true);
    throw;
  }
}

Agents::~Agents() {
  if (!any_runs()) return;
  signal(SIGKILL);
  for (const Starter& starter : starters_)
    if (starter.runs) base::wait_child(starter.pid, true);
}

bool Agents::any_runs() const {
  return std::any_of(starters_.begin(), starters_.end(), [](const Starter& starter) { return starter.runs; });
}

std::vector<pid_t> Agents::pids() const {
  std::vector<pid_t> running;
  for (const Starter& starter : starters_)
    if (starter.runs) running.push_back(starter.pid);
  return running;
}

void Agents::reap() {
  for (Starter& starter : starters_) {
    if (!starter.runs) continue;
    const std::optional<base::ChildEnd> end = base::wait_child(starter.pid, false);
    if (!end) continue;
    starter.runs = false;
    if ((end->code == 0 && end->signal == 0) || has_failed()) continue;
    failure_ = ended_text(starter.name, *end);
    failure_code_ = end->signal == 0 ? end->code : 128 + end->signal;
    const std::string words = last_words(base::last_lines(starter.log, 2));
    if (!words.empty()) failure_ += " (" + words + ")";
  }
}

void Agents::signal(int number) const {
  for (const Starter& starter : starters_)
    if (starter.runs) base::signal_child(starter.pid, number, false);
}

void Agents::ask_to_end() const {
  const std::optional<spec::SlurmEnv> slurm = spec::parse_slurm_env();
  if (!by_srun_ || !slurm) return signal(SIGTERM);
  slurm::make_control()->end_step(slurm->job_id, step_name_);
}

}  // namespace muster::supervise

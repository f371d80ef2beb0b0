#include "launcher/records/followed_run.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>

#include "launcher/page/charts.h"
#include "launcher/page/figure_text.h"
#include "launcher/records/step_statistics.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::records {
namespace fs = std::filesystem;
using base::text;

namespace {

/// When a file was changed last; none when it is not there.
std::optional<double> changed_s(const fs::path& file) {
  struct stat stat {};
  if (::stat(file.c_str(), &stat) != 0) return std::nullopt;
  return static_cast<double>(stat.st_mtim.tv_sec) + static_cast<double>(stat.st_mtim.tv_nsec) * 1e-9;
}

std::vector<std::string> hosts_of(const spec::RunPaths& paths, std::int64_t attempt) {
  std::vector<std::string> hosts;
  try {
    for (const spec::NodePlace& node : spec::read_placement(paths.placement(attempt)).nodes) hosts.push_back(node.host);
  } catch (const Error&) {
    hosts.clear();  // it is being written: the next look has it
  }
  return hosts;
}

std::optional<Submission> newest_submission(const fs::path& folder) {
  const std::vector<Submission> all = read_submissions(folder);
  return all.empty() ? std::nullopt : std::optional(all.back());
}

}  // namespace

const char* state_name(RunState state) {
  switch (state) {
    case RunState::waiting:
      return "waiting";
    case RunState::starting:
      return "starting";
    case RunState::running:
      return "running";
    case RunState::lost:
      return "lost";
    case RunState::done:
      return "done";
    case RunState::failed:
      return "failed";
    case RunState::ended:
      break;
  }
  return "ended";
}

page::Ink state_ink(RunState state) {
  if (state == RunState::running || state == RunState::done) return page::Ink::green;
  if (state == RunState::failed || state == RunState::lost) return page::Ink::red;
  return state == RunState::ended ? page::Ink::plain : page::Ink::yellow;
}

FollowedRun::FollowedRun(const fs::path& folder)
    : paths{folder}, plan(spec::read_plan(paths.plan())), submission(newest_submission(folder)) {}

const RunRecords& FollowedRun::records() const {
  static const RunRecords kNone;
  return reader_ ? reader_->records() : kNone;
}

std::int64_t FollowedRun::steps_done() const { return records().steps.empty() ? 0 : records().steps.rbegin()->first; }

void FollowedRun::read() {
  not_begun = base::is_there(paths.not_begun()) ? base::read_file(paths.not_begun()) : "";
  if (!not_begun.empty()) state = RunState::failed;
  const std::optional<spec::Epoch> found = spec::current_epoch(paths.folder);
  if (!found) return;
  const bool is_new = !epoch || epoch->attempt != found->attempt;
  if (!is_new && verdict) return;
  epoch = found;
  if (is_new) {
    reader_.emplace(paths, epoch->attempt, true, false);
    hosts.clear();
  }
  if (hosts.empty()) hosts = hosts_of(paths, epoch->attempt);
  verdict = read_verdict(paths, epoch->attempt);
  reader_->read();
  const double end_s =
      verdict ? changed_s(paths.verdict(epoch->attempt)).value_or(base::wall_clock_s()) : base::wall_clock_s();
  elapsed_s = std::max(0.0, end_s - changed_s(paths.placement(epoch->attempt)).value_or(end_s));
  since_step_s = std::max(0.0, end_s - changed_s(paths.steps()).value_or(end_s));
  double news_s = changed_s(paths.placement(epoch->attempt)).value_or(end_s);
  for (const fs::path& file : {paths.steps(), paths.warmup(), paths.rank_log(epoch->attempt, 0)})
    news_s = std::max(news_s, changed_s(file).value_or(0));
  quiet_s = std::max(0.0, end_s - news_s);
  state = state_now();
}

RunState FollowedRun::state_now() const {
  if (!not_begun.empty()) return RunState::failed;
  if (verdict) return verdict->code == 0 ? RunState::done : verdict->code > 128 ? RunState::ended : RunState::failed;
  // A machine that was started again since has another boot id: what ran on it is gone.
  if (epoch->host == spec::this_host() && !spec::is_alive_here(*epoch)) return RunState::lost;
  const auto& steps = records().steps;
  return !steps.empty() && steps.rbegin()->second.attempt == epoch->attempt ? RunState::running : RunState::starting;
}

double FollowedRun::remaining_s() const {
  if (verdict) return 0;
  const std::vector<const spec::StepRecord*> steps = records().step_list();
  if (steps.empty()) return std::numeric_limits<double>::quiet_NaN();
  return records::remaining_s(recent_step_s(steps), plan.job.grpo.steps - steps_done(),
                              state == RunState::running ? since_step_s : 0);
}

std::string phases_text(const FollowedRun& run) {
  const std::vector<const spec::StepRecord*> steps = run.records().step_list();
  const auto first = steps.end() - std::min<std::ptrdiff_t>(kRecentSteps, std::ssize(steps));
  std::map<std::string, double> seconds;
  for (auto step = first; step != steps.end(); ++step)
    for (const auto& [phase, spent_s] : (*step)->phases) seconds[phase] += spent_s;
  std::vector<std::string> parts;
  for (const page::PhaseShare& share : page::phase_shares(seconds))
    if (share.share >= 0.005 && share.name != "other")
      parts.push_back(share.name + " " +
                      page::step_seconds_text(share.seconds / static_cast<double>(steps.end() - first)));
  return base::join(parts, ", ");
}

std::string attempt_text(const FollowedRun& run) {
  if (!run.not_begun.empty()) {
    std::vector<std::string> lines;
    for (const std::string& line : base::split(base::trim(run.not_begun), '\n')) lines.push_back(base::trim(line));
    return "did not begin: " + base::join(lines, "; ");
  }
  if (!run.epoch) return "none has begun";
  if (run.verdict)
    return text(run.epoch->attempt, ", over: ", run.verdict->sentence,
                run.verdict->code == 0 ? "" : text(" (code ", run.verdict->code, ")"));
  if (run.state == RunState::lost)
    return text(run.epoch->attempt, ", died: its supervisor on ", run.epoch->host, " is gone and left no verdict");
  return text(run.epoch->attempt, ", supervised on ", run.epoch->host);
}

std::string expected_end_text(double remaining_s, std::int64_t now_s) {
  if (!std::isfinite(remaining_s)) return "not known yet";
  const std::time_t end = now_s + static_cast<std::int64_t>(remaining_s);
  char clock[32];
  std::strftime(clock, sizeof clock, "%Y-%m-%d %H:%M", std::localtime(&end));
  return text(clock, ", in ", page::clock_text(remaining_s));
}

}  // namespace muster::records

#include "launcher/status/standing.h"

#include <sys/stat.h>

#include <csignal>

#include "launcher/supervise/attempt.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::status {

using records::FollowedRun;
using records::RunState;
using records::state_name;
namespace {

using base::text;

constexpr std::int64_t kClocks_s = 3;  // by which the clocks of controller and file server may differ

std::int64_t modified_s(const std::filesystem::path& file) {
  struct stat stat {};
  return ::stat(file.c_str(), &stat) == 0 ? stat.st_mtim.tv_sec : 0;
}

/// Has the newest attempt begun since the job was started (last)? A job that was cancelled while it waited ends as it
/// starts.
bool began_in(const FollowedRun& run, const slurm::JobFacts& job) {
  if (job.end_s > 0 && job.end_s <= job.start_s) return false;
  return run.epoch && job.start_s > 0 &&
         modified_s(run.paths.placement(run.epoch->attempt)) + kClocks_s >= job.start_s &&
         (!run.verdict || modified_s(run.paths.verdict(run.epoch->attempt)) + kClocks_s >= job.start_s);
}

bool waits(const slurm::JobFacts& job) {
  for (const char* state : {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
    if (job.state == state) return true;
  return false;
}

Standing of_waiting_job(const FollowedRun& run, const slurm::JobFacts& job) {
  if (job.restarts == 0) return {RunState::waiting};
  return {RunState::waiting,
          text("attempt ", job.restarts + 1, " of ", std::max(job.restarts, run.plan.job.requeue.max) + 1)};
}

Standing of_job_that_is_over(const FollowedRun& run, const slurm::JobFacts& job) {
  const bool was_cancelled = job.state.starts_with("CANCELLED");
  if (began_in(run, job)) {
    if (run.verdict) return {run.state};
    if (was_cancelled) return {RunState::ended, "cancelled"};
    if (job.state == "TIMEOUT") return {RunState::ended, "at its time limit"};
    return {RunState::lost, text("its job is ", job.state, " and left no verdict")};
  }
  if (!run.not_begun.empty()) return {RunState::failed};
  const std::string next = run.epoch ? "before its next attempt began" : "before it began";
  if (was_cancelled) return {RunState::ended, "cancelled " + next};
  if (job.state == "COMPLETED") return {run.state};
  return {RunState::failed, text("its job is ", job.state, ", ", next)};
}

}  // namespace

Standing standing_of(const FollowedRun& run, const std::optional<slurm::JobFacts>& job) {
  if (!job) {
    if (run.verdict || !run.not_begun.empty()) return {run.state};
    return {RunState::lost,
            run.epoch ? "its job is over and left no verdict" : "its job is over, and no attempt began"};
  }
  if (waits(*job)) return of_waiting_job(run, *job);
  if (job->is_over()) return of_job_that_is_over(run, *job);
  if (!began_in(run, *job) && run.not_begun.empty()) return {RunState::starting};
  return {run.state};
}

int exit_code_of(const FollowedRun& run, const Standing& standing) {
  // A verdict is that of the newest attempt; a job that ended before its next attempt began has left none.
  const bool has_verdict = run.verdict && standing.state == run.state;
  switch (standing.state) {
    case RunState::waiting:
    case RunState::starting:
    case RunState::running:
    case RunState::done:
      return 0;
    case RunState::failed:
      return has_verdict ? run.verdict->code : 2;
    case RunState::lost:
      return 3;
    case RunState::ended:
      return has_verdict ? run.verdict->code : 128 + SIGTERM;
  }
  INVARIANT(false, "every state is listed");
}

std::string standing_text(const Standing& standing) {
  return state_name(standing.state) + (standing.words.empty() ? "" : " (" + standing.words + ")");
}

std::string resume_text(const FollowedRun& run, const Standing& standing) {
  if (standing.state != RunState::failed && standing.state != RunState::ended && standing.state != RunState::lost)
    return "";
  const std::string command =
      text("muster ", run.submission ? "submit" : "run", " --run-dir ", base::shell_quoted(run.paths.folder.string()));
  return run.epoch ? text(command, "   (it ", supervise::beginning_text(run.plan), ")") : command;
}

}  // namespace muster::status

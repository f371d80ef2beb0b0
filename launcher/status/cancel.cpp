#include "launcher/status/cancel.h"

#include <signal.h>

#include <cstdio>
#include <thread>

#include "launcher/records/submission.h"
#include "launcher/records/verdict.h"
#include "launcher/slurm/control.h"
#include "launcher/slurm/queries.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::status {
using base::text;

namespace {

constexpr double kCancel_s = 30;

struct CancelOptions {
  std::vector<std::string> words;  // RUN
};

// Waits until `is_over`; false when it was not within kCancel_s.
template <class IsOver>
bool wait_for(IsOver is_over) {
  const base::Stopwatch watch;
  while (!is_over()) {
    if (watch.elapsed_s() > kCancel_s) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return true;
}

// TERM to the supervisor of this attempt, and to no other process; false when it is not alive.
bool signal_supervisor(const spec::Epoch& epoch) {
  if (!spec::is_alive_here(epoch)) return false;
  const auto pid = static_cast<pid_t>(epoch.pid);
  const auto facts = base::process_facts(pid);
  return facts && base::signal_process(pid, epoch.start_ticks > 0 ? epoch.start_ticks : facts->start_ticks, SIGTERM);
}

/// Cancels every job of the run that is not over, and waits for the end. False when all are.
bool cancel_jobs(const std::vector<records::Submission>& submissions) {
  const auto queries = slurm::make_queries();
  queries->ping();
  const auto is_over = [&](const std::string& id) {
    const auto job = queries->job(id);
    return !job || job->is_over();
  };
  std::vector<std::string> going;
  for (const records::Submission& one : submissions)
    if (!is_over(one.job_id)) going.push_back(one.job_id);
  for (const std::string& id : going) slurm::make_control()->cancel(id);
  for (const std::string& id : going)
    std::printf("job %s %s\n", id.c_str(),
                wait_for([&] { return is_over(id); }) ? "cancelled" : "is cancelled; Slurm is still ending it");
  return !going.empty();
}

int cancel_run(const CancelOptions& options) {
  const spec::RunPaths paths{records::find_run(options.words.empty() ? "" : options.words[0])};
  const std::vector<records::Submission> submissions = records::read_submissions(paths.folder);
  if (!submissions.empty() && cancel_jobs(submissions)) return 0;
  const auto epoch = spec::current_epoch(paths.folder);
  if (!submissions.empty() && (!epoch || !spec::is_alive_here(*epoch))) {
    std::printf("job %s is over already: there is nothing to cancel\n", submissions.back().job_id.c_str());
    return 0;
  }
  if (!epoch || records::read_verdict(paths, epoch->attempt)) {
    std::printf("%s\n", epoch ? "the run is over already" : "no attempt of this run has begun");
    return 0;
  }
  if (epoch->host != spec::this_host())
    throw Error::user({.what = text("attempt ", epoch->attempt, " was begun on ", epoch->host, " by process ",
                                    epoch->pid, ", and this is ", spec::this_host()),
                       .where = paths.folder.string(),
                       .fix = "cancel it on that machine"});
  if (!signal_supervisor(*epoch)) {
    std::printf("over: nothing to cancel (attempt %lld left no verdict: its supervisor, process %lld, is gone)\n",
                static_cast<long long>(epoch->attempt), static_cast<long long>(epoch->pid));
    return 0;
  }
  const auto verdict = [&] { return records::read_verdict(paths, epoch->attempt); };
  if (!wait_for([&] { return verdict() || !spec::is_alive_here(*epoch); }))
    throw Error::cluster(
        {.what = text("process ", epoch->pid, " was told to end, but has not"), .where = paths.folder.string()});
  std::printf("ended%s\n", verdict() ? (": " + verdict()->sentence).c_str() : ", and left no verdict");
  return 0;
}

}  // namespace

cli::Verb cancel_verb() {
  return cli::make_verb<CancelOptions>(
      {.name = "cancel",
       .usage = "[RUN]",
       .summary = "ends a run",
       .example = "muster cancel 4711",
       .max_words = 1,
       .prints_its_answer = false},
      [](cli::Flags&, CancelOptions&) {}, cancel_run);
}

}  // namespace muster::status

#include "launcher/status/status.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "launcher/progress/progress.h"
#include "launcher/run/submission.h"
#include "launcher/slurm/control.h"
#include "launcher/slurm/scontrol_text.h"
#include "launcher/supervise/attempt.h"
#include "launcher/supervise/verdict.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::status {
namespace fs = std::filesystem;
using base::text;

namespace {

constexpr double kCancel_s = 30;

fs::path run_of(const cli::Options& typed) {
  return run::find_run(!typed.words.empty() ? typed.words[0] : typed.run_dir.string());
}

std::string row(const std::string& name, const std::string& value) {
  return name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + "\n";
}

std::string job_row(const run::Submission& submission, slurm::Queries& queries) {
  try {
    const auto job = queries.job(submission.job_id);
    if (!job) return text(submission.job_id, ": Slurm knows it no more (", submission.cluster, ")");
    std::string words = text(job->id, ' ', job->state);
    if (!job->reason.empty()) words += " (" + job->reason + ")";
    if (!job->nodes.empty()) words += " on " + job->nodes;
    if (job->state == "PENDING" && job->start_s > 0)
      words +=
          text(", expected in ",
               base::seconds_text(static_cast<double>(std::max<std::int64_t>(0, job->start_s - std::time(nullptr)))));
    if (job->state == "RUNNING" && job->start_s > 0)
      words += text(" for ", base::seconds_text(static_cast<double>(std::time(nullptr) - job->start_s)));
    if (job->state == "RUNNING" && job->time_limit_s != slurm::kUnlimited)
      words += text(" of at most ", slurm::duration_text(job->time_limit_s));
    if (job->restarts > 0) words += text(", started again ", job->restarts, " times");
    return words;
  } catch (const Error& error) {
    return text(submission.job_id, ": ", error.faults()[0].what);
  }
}

// The last step that the newest attempt wrote.
std::string step_row(const spec::Plan& plan, std::int64_t attempt) {
  nlohmann::ordered_json last;
  for (nlohmann::ordered_json& record : base::read_json_lines(spec::RunPaths{plan.run_folder}.steps()))
    if (record.is_object() && record.value("attempt", std::int64_t{-1}) == attempt) last = std::move(record);
  if (last.is_null()) return "none yet";
  return text(last.value("step", std::int64_t{0}), " of ", plan.job.grpo.steps, ", reward ",
              base::number_text(last.value("reward", 0.0), 3), ", ", base::number_text(last.value("step_s", 0.0), 2),
              " s a step");
}

std::string attempt_row(const spec::RunPaths& paths, const spec::Epoch& epoch) {
  const auto verdict = supervise::read_verdict(paths, epoch.attempt);
  if (verdict)
    return text(epoch.attempt, ", over: ", verdict->sentence,
                verdict->code == 0 ? "" : text(" (code ", verdict->code, ")"));
  const bool is_here = epoch.host == spec::this_host() && epoch.boot_id == spec::this_boot_id();
  if (is_here && !supervise::is_alive_here(epoch))
    return text(epoch.attempt, ", died: its supervisor on ", epoch.host, " is gone and left no verdict");
  return text(epoch.attempt, ", supervised on ", epoch.host);
}

// Prints what a growing file gets, until the attempt has its verdict.
void follow(const fs::path& log, const spec::RunPaths& paths, std::int64_t attempt) {
  std::streamoff offset = 0;
  for (bool last = false;; std::this_thread::sleep_for(std::chrono::milliseconds(200))) {
    std::ifstream file(log, std::ios::binary);
    file.seekg(offset);
    char buffer[1 << 14];
    while (file.read(buffer, sizeof buffer) || file.gcount() > 0) {
      std::fwrite(buffer, 1, static_cast<std::size_t>(file.gcount()), stdout);
      offset += file.gcount();
    }
    std::fflush(stdout);
    if (last) return;
    last = supervise::read_verdict(paths, attempt).has_value();
  }
}

void follow_progress(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt) {
  progress::View view(plan, paths, attempt, stdout, ::isatty(STDOUT_FILENO) == 1);
  while (!supervise::read_verdict(paths, attempt)) {
    view.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  view.finish();
  const auto verdict = supervise::read_verdict(paths, attempt);
  std::printf("%s\n",
              verdict->code == 0 ? progress::summary_text(plan, paths, attempt).c_str() : verdict->sentence.c_str());
}

std::int64_t writer_rank(const spec::Plan& plan) {
  for (const spec::RankPlan& rank : plan.ranks)
    if (rank.train_rank == 0) return rank.rank;
  return 0;
}

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

int cancel_job(const run::Submission& submission) {
  const auto queries = slurm::make_queries();
  queries->ping();
  const auto job = queries->job(submission.job_id);
  if (!job || job->is_over()) {
    std::printf("job %s is over already%s\n", submission.job_id.c_str(), job ? (" (" + job->state + ")").c_str() : "");
    return 0;
  }
  slurm::make_control()->cancel(submission.job_id);
  const bool is_over = wait_for([&] {
    const auto now = queries->job(submission.job_id);
    return !now || now->is_over();
  });
  std::printf("job %s %s\n", submission.job_id.c_str(),
              is_over ? "cancelled" : "was told to end; Slurm is still at it");
  return 0;
}

}  // namespace

std::string status_page(const fs::path& run_folder, slurm::Queries& queries) {
  const spec::RunPaths paths{run_folder};
  const spec::Plan plan = spec::read_plan(paths.plan());
  std::string page = row("run", run_folder.string()) + row("job file", plan.job.name);
  if (const auto submission = run::read_submission(run_folder)) page += row("Slurm job", job_row(*submission, queries));
  const auto epoch = spec::current_epoch(run_folder);
  if (!epoch) return page + row("attempt", "none has begun");
  return page + row("attempt", attempt_row(paths, *epoch)) + row("step", step_row(plan, epoch->attempt));
}

int status_verb(const cli::Options& typed) {
  std::fputs(status_page(run_of(typed), *slurm::make_queries()).c_str(), stdout);
  return 0;
}

int logs_verb(const cli::Options& typed) {
  const spec::RunPaths paths{run_of(typed)};
  const spec::Plan plan = spec::read_plan(paths.plan());
  if (typed.rank && (*typed.rank < 0 || *typed.rank >= std::ssize(plan.ranks)))
    throw Error::user({.what = text("the run has ranks 0 to ", plan.ranks.size() - 1, ", not ", *typed.rank),
                       .where = paths.plan().string()});
  auto epoch = spec::current_epoch(paths.folder);
  if (!epoch && !typed.follow)
    throw Error::user({.what = "no attempt of this run has begun, so it has no logs",
                       .where = paths.folder.string(),
                       .fix = "muster status"});
  for (; !epoch; epoch = spec::current_epoch(paths.folder)) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const fs::path log = paths.rank_log(epoch->attempt, typed.rank.value_or(writer_rank(plan)));
  if (typed.follow && !typed.rank) {
    follow_progress(plan, paths, epoch->attempt);
  } else if (typed.follow) {
    follow(log, paths, epoch->attempt);
  } else {
    std::fputs(base::read_file(log).c_str(), stdout);
  }
  return 0;
}

int cancel_verb(const cli::Options& typed) {
  const spec::RunPaths paths{run_of(typed)};
  if (const auto submission = run::read_submission(paths.folder)) return cancel_job(*submission);
  const auto epoch = spec::current_epoch(paths.folder);
  if (!epoch || supervise::read_verdict(paths, epoch->attempt)) {
    std::printf("%s\n", epoch ? "the run is over already" : "no attempt of this run has begun");
    return 0;
  }
  if (!supervise::is_alive_here(*epoch))
    throw Error::user({.what = text("attempt ", epoch->attempt, " was begun on ", epoch->host, " by process ",
                                    epoch->pid, ", which is not alive here"),
                       .where = paths.folder.string(),
                       .fix = "cancel it on that machine"});
  ::kill(static_cast<pid_t>(epoch->pid), SIGTERM);
  if (!wait_for([&] { return supervise::read_verdict(paths, epoch->attempt).has_value(); }))
    throw Error::cluster(
        {.what = text("process ", epoch->pid, " was told to end, but has not"), .where = paths.folder.string()});
  std::printf("ended: %s\n", supervise::read_verdict(paths, epoch->attempt)->sentence.c_str());
  return 0;
}

}  // namespace muster::status

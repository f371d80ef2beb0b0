#include "launcher/status/status.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>
#include <utility>

#include "launcher/cli/shared_flags.h"
#include "launcher/page/figure_text.h"
#include "launcher/progress/block.h"
#include "launcher/progress/progress.h"
#include "launcher/records/followed_run.h"
#include "launcher/records/lessons.h"
#include "launcher/records/slowest.h"
#include "launcher/records/step_statistics.h"
#include "launcher/records/submission.h"
#include "launcher/slurm/control.h"
#include "launcher/slurm/scontrol_text.h"
#include "launcher/status/standing.h"
#include "launcher/supervise/agents.h"
#include "launcher/supervise/verdict.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/followed_file.h"
#include "runtime/base/json_text.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::status {

using records::attempt_text;
using records::expected_end_text;
using records::FollowedRun;
using records::phases_text;
using records::RunState;
using records::state_name;
namespace fs = std::filesystem;
using base::text;

namespace {

constexpr double kCancel_s = 30;
constexpr double kAskSlurm_s = 10;
constexpr double kQuiet_s = 60;  // so long without a record is worth a word

fs::path run_of(const std::vector<std::string>& words) { return records::find_run(words.empty() ? "" : words[0]); }

struct StatusOptions {
  std::vector<std::string> words;  // RUN
  bool json = false;
};

struct CancelOptions {
  std::vector<std::string> words;  // RUN
};

std::string row(const std::string& name, const std::string& value) {
  return name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + value + "\n";
}

std::string job_text(const slurm::JobFacts& job, std::int64_t now_s) {
  std::string words = text(job.id, ' ', job.state);
  if (!job.reason.empty()) words += " (" + job.reason + ")";
  if (!job.nodes.empty()) words += " on " + job.nodes;
  if (job.state == "PENDING" && job.start_s > 0)
    words +=
        text(", expected in ", base::seconds_text(static_cast<double>(std::max<std::int64_t>(0, job.start_s - now_s))));
  if (job.state == "RUNNING" && job.start_s > 0)
    words += text(" for ", base::seconds_text(static_cast<double>(now_s - job.start_s)));
  if (job.state == "RUNNING" && job.time_limit_s != slurm::kUnlimited)
    words += text(" of at most ", slurm::duration_text(job.time_limit_s));
  if (job.restarts > 0) words += ", restarted " + (job.restarts == 1 ? "once" : text(job.restarts, " times"));
  return words;
}

// Where the job's time limit would cut the run off.
std::string limit_row(const FollowedRun& run, const std::optional<slurm::JobFacts>& job, std::int64_t now_s) {
  if (!job || job->state != "RUNNING" || job->start_s == 0 || job->time_limit_s == slurm::kUnlimited) return "";
  const double left_s = static_cast<double>(job->start_s + job->time_limit_s - now_s);
  if (!(run.remaining_s() > left_s)) return "";
  return row("", text("the job's time limit comes first, in ", base::seconds_text(std::max(0.0, left_s)),
                      run.plan.job.checkpoint.every > 0 ? "" : ": and no checkpoints are written"));
}

std::string step_rows(const FollowedRun& run, const std::optional<slurm::JobFacts>& job) {
  const std::vector<const spec::StepRecord*> steps = run.records().step_list();
  if (steps.empty())
    return row("step", run.verdict ? "none" : text("none yet: ", progress::doing_text(run.plan, run.records())));
  const spec::StepRecord& last = *steps.back();
  std::string page =
      row("step", text(last.step, " of ", run.plan.job.grpo.steps, ", reward ", base::number_text(last.reward, 3),
                       " (first ", base::number_text(steps.front()->reward, 3), ")"));
  page += row("step time", text(page::step_seconds_text(records::recent_step_s(steps)), " s: ", phases_text(run)));
  if (!run.verdict && run.state != RunState::lost) {
    page += row("expected end", expected_end_text(run.remaining_s(), std::time(nullptr)));
    page += limit_row(run, job, std::time(nullptr));
  }
  const records::LessonWarnings lessons = records::lesson_warnings(steps);
  for (const std::string& warning : {lessons.idle, lessons.ungraded})
    if (!warning.empty()) page += row("warning", warning);
  std::vector<std::string> slowest;
  if (run.plan.ranks.size() > 1)
    for (const records::Slowest& one : records::slowest_of(run.plan, steps, run.hosts))
      slowest.push_back(records::slowest_text(one));
  return slowest.empty() ? page : page + row("slowest", base::join(slowest, ", "));
}

/// Whoever reads may leave in the middle, and a log may be long.
void put_bytes(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size()) return;
  throw Error::user({.what = text("the output could not be written: ", std::strerror(errno))});
}

/// "job 7 is CANCELLED" when the run's newest job is over; "" when it is not, or Slurm does not answer just now.
std::string state_of_job_that_is_over(const fs::path& run_folder) {
  const std::vector<records::Submission> submissions = records::read_submissions(run_folder);
  if (submissions.empty()) return "";
  const std::string& id = submissions.back().job_id;
  try {
    const std::optional<slurm::JobFacts> job = slurm::make_queries()->job(id);
    if (!job) return text("Slurm knows job ", id, " no more");
    return job->is_over() ? text("job ", id, " is ", job->state) : "";
  } catch (const Error&) {
    return "";
  }
}

/// An attempt that is followed to its end: its verdict, or, where nobody is left who could write one, none.
class FollowedAttempt {
 public:
  FollowedAttempt(const spec::RunPaths& paths, const spec::Epoch& epoch) : paths_(paths), epoch_(epoch) {}

  bool is_over() {
    // Asked before the verdict is looked for: who wrote one may be gone a moment later.
    const bool is_lost = lost();
    verdict_ = records::read_verdict(paths_, epoch_.attempt);
    return verdict_ || is_lost;
  }
  const std::optional<records::Verdict>& verdict() const { return verdict_; }  // once it is over

 private:
  bool lost() {
    if (epoch_.host == spec::this_host()) return !spec::is_alive_here(epoch_);
    if (asked_.elapsed_s() < kAskSlurm_s) return false;
    asked_ = base::Stopwatch();
    // A verdict may reach this machine's view of the folder after the end of the job: the second answer counts.
    const bool was_over = std::exchange(job_is_over_, !state_of_job_that_is_over(paths_.folder).empty());
    return was_over && job_is_over_;
  }

  const spec::RunPaths& paths_;
  const spec::Epoch& epoch_;
  base::Stopwatch asked_;
  bool job_is_over_ = false;  // as Slurm said when it was asked last
  std::optional<records::Verdict> verdict_;
};

/// Prints what a growing file gets, until the attempt is over.
void follow(const fs::path& log, FollowedAttempt& attempt) {
  base::FollowedFile file(log);
  for (bool last = false;; std::this_thread::sleep_for(std::chrono::milliseconds(200))) {
    file.read_bytes(put_bytes);
    std::fflush(stdout);
    if (last) return;
    last = attempt.is_over();
  }
}

// In blocks, NUL bytes and all.
void print_log(const fs::path& log) {
  if (!base::is_there(log)) throw Error::user({.what = "there is no such log yet", .where = log.string()});
  base::FollowedFile(log).read_bytes(put_bytes);
}

void follow_progress(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t number,
                     FollowedAttempt& attempt) {
  progress::View view(plan, paths, number, stdout, ::isatty(STDOUT_FILENO) == 1);
  while (!attempt.is_over()) {
    view.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  view.finish();
  if (!attempt.verdict()) return;
  const records::Verdict& verdict = *attempt.verdict();
  std::printf("%s\n",
              verdict.code == 0 ? progress::summary_text(plan, paths, number).c_str() : verdict.sentence.c_str());
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

/// The last line of what the job wrote, for one that began no attempt.
std::string log_row(const FollowedRun& run) {
  const fs::path log = run.paths.folder / text("slurm-", run.submission->job_id, ".log");
  const std::vector<std::string> lines = base::last_lines(log, 1);
  return lines.empty() ? "" : row("", text(log.filename().string(), ": ", base::trim(lines[0])));
}

/// The row of the newest job, one for each older job that is not over, and what the newest says of the run.
std::string job_rows(const FollowedRun& run, slurm::Queries& queries, std::optional<slurm::JobFacts>& job,
                     Standing& standing) {
  const records::Submission& newest = *run.submission;
  std::string page;
  try {
    job = queries.job(newest.job_id);
    standing = standing_of(run, job);
    page = row("Slurm job", job ? job_text(*job, std::time(nullptr))
                                : text(newest.job_id, ": Slurm knows it no more (", newest.cluster, ")"));
    if (job && !run.epoch && standing.state == RunState::failed) page += log_row(run);
    for (const records::Submission& one : records::read_submissions(run.paths.folder))
      if (const auto other = one.job_id == newest.job_id ? std::nullopt : queries.job(one.job_id);
          other && !other->is_over())
        page += row("", text("and ", job_text(*other, std::time(nullptr)), ": muster cancel ends all of them"));
  } catch (const Error& error) {
    page = row("Slurm job", text(newest.job_id, ": ", error.faults()[0].what));
  }
  return page;
}

}  // namespace

RunStatus status_of(const fs::path& run_folder, slurm::Queries& queries) {
  FollowedRun run(run_folder);
  run.read();
  std::optional<slurm::JobFacts> job;
  Standing standing{run.state};
  const std::string jobs = run.submission ? job_rows(run, queries, job, standing) : "";
  const std::string resume = resume_text(run, standing);
  RunStatus status{.code = exit_code_of(run, standing)};
  status.page =
      row("run", run_folder.string()) + row("job", run.plan.job.name) + row("state", standing_text(standing)) + jobs;
  status.page += row("attempt", attempt_text(run));
  if (run.epoch) status.page += step_rows(run, job);
  if (!run.verdict && run.quiet_s > kQuiet_s)
    status.page += row("", text("nothing was written for ", base::seconds_text(run.quiet_s)));
  if (!resume.empty()) status.page += row("resume", resume);

  nlohmann::ordered_json& json = status.json;
  json = {{"run", run_folder.string()}, {"job", run.plan.job.name}, {"state", state_name(standing.state)}};
  json["words"] = standing.words;
  json["code"] = status.code;
  json["job_id"] = run.submission ? run.submission->job_id : "";
  json["attempt"] = run.epoch ? nlohmann::ordered_json(run.epoch->attempt) : nullptr;
  json["sentence"] = run.verdict ? run.verdict->sentence : run.not_begun;
  json["steps_done"] = run.steps_done();
  json["steps"] = run.plan.job.grpo.steps;
  const double remaining_s = run.remaining_s();
  json["remaining_s"] = std::isnan(remaining_s) ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(remaining_s);
  json["resume"] = resume;
  return status;
}

namespace {

int print_status(const StatusOptions& options) {
  const RunStatus status = status_of(run_of(options.words), *slurm::make_queries());
  base::print(stdout, options.json ? base::json_text(status.json) + "\n" : status.page);
  return status.code;
}

}  // namespace

cli::Verb status_verb() {
  return cli::make_verb<StatusOptions>(
      {.name = "status",
       .usage = "[RUN] [--json]",
       .summary = "what a run is doing: by run folder or job id, or the newest run; ends with the run's exit code",
       .example = "muster status",
       .max_words = 1},
      [](cli::Flags& flags, StatusOptions& options) { cli::add_json_flag(flags, options.json); }, print_status);
}

int print_logs(const LogsOptions& options) {
  const spec::RunPaths paths{run_of(options.words)};
  const spec::Plan plan = spec::read_plan(paths.plan());
  if (options.rank && (*options.rank < 0 || *options.rank >= std::ssize(plan.ranks)))
    throw Error::user({.what = text("the run has ranks 0 to ", plan.ranks.size() - 1, ", not ", *options.rank),
                       .where = paths.plan().string()});
  auto epoch = spec::current_epoch(paths.folder);
  if (!epoch && !options.follow)
    throw Error::user({.what = "no attempt of this run has begun, so it has no logs",
                       .where = paths.folder.string(),
                       .fix = "muster status"});
  for (; !epoch; epoch = spec::current_epoch(paths.folder)) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const std::string state = state_of_job_that_is_over(paths.folder);
    if (!state.empty() && !spec::current_epoch(paths.folder))
      throw Error::user({.what = text(state, ", and no attempt of this run has begun: there are no logs to come"),
                         .where = paths.folder.string(),
                         .fix = "muster status says how to go on"});
  }
  const fs::path log = paths.rank_log(epoch->attempt, options.rank.value_or(writer_rank(plan)));
  if (!options.follow) {
    print_log(log);
    return 0;
  }
  FollowedAttempt attempt(paths, *epoch);
  if (options.rank) {
    follow(log, attempt);
  } else {
    follow_progress(plan, paths, epoch->attempt, attempt);
  }
  if (!attempt.verdict())
    throw Error::cluster({.what = text("attempt ", epoch->attempt, " is over and left no verdict"),
                          .where = paths.folder.string(),
                          .fix = "muster status says how to go on"});
  return attempt.verdict()->code;
}

cli::Verb logs_verb() {
  return cli::make_verb<LogsOptions>(
      {.name = "logs",
       .usage = "[RUN] [-f] [--rank R]",
       .summary = "what a rank wrote; -f follows: the progress, or with --rank that log",
       .example = "muster logs -f",
       .max_words = 1},
      [](cli::Flags& flags, LogsOptions& options) {
        flags.add("follow,f", "go on as lines are written", options.follow);
        flags.add("rank,r", "R", "of this rank only", options.rank);
      },
      print_logs);
}

namespace {

int cancel_run(const CancelOptions& options) {
  const spec::RunPaths paths{run_of(options.words)};
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

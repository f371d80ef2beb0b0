#include "launcher/status/logs.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "launcher/progress/progress.h"
#include "launcher/records/submission.h"
#include "launcher/records/verdict.h"
#include "launcher/slurm/queries.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/followed_file.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::status {
namespace fs = std::filesystem;
using base::text;

namespace {

constexpr double kAskSlurm_s = 10;

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

}  // namespace

int print_logs(const LogsOptions& options) {
  const spec::RunPaths paths{records::find_run(options.words.empty() ? "" : options.words[0])};
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

}  // namespace muster::status

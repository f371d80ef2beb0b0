#include "launcher/supervise/supervise.h"

#include <signal.h>

#include <cstdio>

#include "launcher/slurm/control.h"
#include "launcher/supervise/agents.h"
#include "launcher/supervise/preflight.h"
#include "launcher/supervise/prepare_data.h"
#include "launcher/supervise/record_feed.h"
#include "launcher/supervise/scalar_feed.h"
#include "launcher/supervise/stand_by.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/inherited.h"
#include "runtime/base/signals.h"
#include "runtime/base/subreaper.h"
#include "runtime/base/system_error.h"
#include "runtime/base/text.h"
#include "runtime/spec/exit_cause.h"

namespace muster::supervise {

using records::Verdict;
using records::write_verdict;
namespace {

constexpr double kLook_s = 0.1;
constexpr double kRecords_s = 1;  // between two looks at the exit records
constexpr double kTerm_s = 5;     // from a failure that the starter did not notice to TERM
constexpr double kAgents_s = 6;   // from asking to TERM, by which srun kills its tasks; agents need 3 s
constexpr double kKill_s = 15;    // from asking to KILL
constexpr double kRest_s = 5;     // for what programs left behind to be gone after KILL

class Supervisor {
 public:
  Supervisor(const spec::Plan& plan, const Attempt& attempt, const Nodes& nodes, const AttemptOptions& options,
             const base::Subreaper& subreaper, RecordFeed& feed, ScalarFeed& scalars)
      : plan_(plan),
        attempt_(attempt),
        options_(options),
        subreaper_(subreaper),
        feed_(feed),
        scalars_(scalars),
        agents_(plan, attempt, nodes, options.srun_flags) {}

  Verdict run(base::SignalQueue& signals) {
    while (agents_.any_runs()) {
      take_signal(signals.wait(kLook_s));
      agents_.reap();
      reap_orphans();
      look_for_failures();
      check_folder();
      press();
      options_.watcher(attempt_);
      feed_.poll();
      scalars_.poll();
    }
    const std::vector<spec::ExitRecord> records = read_exit_records(plan_, attempt_.placement);
    Verdict verdict =
        judge(plan_, attempt_.placement, records, stop_signal_, {agents_.failure(), agents_.failure_code()});
    if (const std::optional<Verdict> lost = lost_folder(verdict)) return *lost;
    blame_full_disk(verdict, std::ssize(plan_.ranks) - std::ssize(records), base::free_bytes(plan_.run_folder),
                    plan_.run_folder);
    return verdict;
  }

 private:
  void take_signal(int signal) {
    if (signal == SIGUSR2) agents_.signal(SIGUSR2);
    if (signal != SIGINT && signal != SIGTERM && signal != SIGHUP) return;
    if (stop_signal_ != 0 && signal == SIGINT) agents_.signal(SIGKILL);
    stop_signal_ = signal;
    end_all();
  }

  void reap_orphans() const {
    std::vector<pid_t> own = agents_.pids();
    own.push_back(feed_.pid());
    subreaper_.reap_orphans(own);
  }

  // Without its folder the attempt can record nothing: it ends, because every further step would be lost.
  void check_folder() {
    if (term_s_ || base::steady_s() - folder_checked_s_ < kRecords_s) return;
    folder_checked_s_ = base::steady_s();
    if (spec::is_removed(attempt_.paths.folder)) end_all();
  }

  // Ranks that were ended because the run is not this attempt's any more cannot say so themselves. None: it still is,
  // or something else is the cause.
  std::optional<Verdict> lost_folder(Verdict verdict) const {
    if (verdict.code == 0 || verdict.rank || stop_signal_ != 0) return std::nullopt;
    try {
      spec::check_epoch(attempt_.paths.folder, attempt_.placement.attempt_id);
    } catch (const Error& error) {
      verdict.code = error.exit_code();
      verdict.sentence = base::text(error.faults()[0].where, ": ", error.faults()[0].what);
      return verdict;
    }
    return std::nullopt;
  }

  // A child that failed is seen at once; an agent behind srun by its records, should srun not notice.
  void look_for_failures() {
    if (agents_.has_failed()) end_all();
    if (failed_s_ || base::steady_s() - looked_s_ < kRecords_s) return;
    looked_s_ = base::steady_s();
    const std::vector<spec::ExitRecord> records = read_exit_records(plan_, attempt_.placement);
    if (spec::cause_of(records) != nullptr) failed_s_ = looked_s_;
  }

  void end_all() {
    if (term_s_) return;
    agents_.ask_to_end();
    term_s_ = base::steady_s();
  }

  void press() {
    const double now_s = base::steady_s();
    if (failed_s_ && now_s - *failed_s_ > kTerm_s) end_all();
    if (term_s_ && now_s - *term_s_ > kAgents_s && !pressed_) {
      pressed_ = true;
      agents_.signal(SIGTERM);
    }
    if (term_s_ && now_s - *term_s_ > kKill_s) agents_.signal(SIGKILL);
  }

  const spec::Plan& plan_;
  const Attempt& attempt_;
  const AttemptOptions& options_;
  const base::Subreaper& subreaper_;
  RecordFeed& feed_;
  ScalarFeed& scalars_;
  Agents agents_;
  int stop_signal_ = 0;
  std::optional<double> failed_s_, term_s_;
  double looked_s_ = 0, folder_checked_s_ = base::steady_s();
  bool pressed_ = false;
};

void say(const std::string& sentence) {
  std::fprintf(stderr, "%s muster supervise: %s\n", base::wall_clock_text().c_str(), sentence.c_str());
  std::fflush(stderr);
}

// Checkpoints make a second attempt worth it; a file to fix or a defect would only fail again.
bool may_requeue(const spec::Plan& plan, const Verdict& verdict, const spec::SlurmEnv& slurm) {
  return (verdict.code == 3 || verdict.code == 4) && plan.job.checkpoint.every > 0 &&
         slurm.restart_count < plan.job.requeue.max;
}

// The controller's count: the variable may be that of another job, inherited where this one was submitted.
std::optional<std::int64_t> restarts_of(const std::string& job_id, slurm::Queries& queries) {
  try {
    if (const std::optional<slurm::JobFacts> job = queries.job(job_id)) return job->restarts;
  } catch (const Error&) {
    return std::nullopt;  // it does not answer just now
  }
  return std::nullopt;
}

// A copied or moved folder holds the plan of another one: what is done there would be done in the other.
void check_folder_is_its_own(const spec::Plan& plan, const std::filesystem::path& folder) {
  std::error_code code;
  if (std::filesystem::equivalent(plan.run_folder, folder, code)) return;
  throw Error::user(
      {.what = base::text("this folder was copied or moved: its plan is that of the run in ", plan.run_folder.string()),
       .where = folder.string(),
       .fix = base::text("make it a run of its own: muster run --run-dir ", folder.string(),
                         ", or muster submit --run-dir")});
}

void requeue(const spec::RunPaths& paths, const std::string& attempt_id, const spec::SlurmEnv& slurm) {
  spec::check_epoch(paths.folder, attempt_id);
  say("asks Slurm to queue the job again");
  slurm::make_control()->requeue(slurm.job_id);
}

// What a supervisor would have done that was killed: a verdict, and the job queued again. Slurm ends the agents.
int stand_in(const spec::RunPaths& paths, spec::SlurmEnv slurm, const base::ChildEnd& killed) {
  const spec::Plan plan = spec::read_plan(paths.plan());
  const std::optional<spec::Epoch> epoch = spec::current_epoch(paths.folder);
  Verdict verdict{.attempt = epoch ? epoch->attempt : 0,
                  .code = 3,
                  .sentence = base::text("the supervisor was ended by signal ", killed.signal)};
  const bool has_begun = epoch && epoch->pid == killed.pid && epoch->host == spec::this_host();
  const std::optional<Verdict> written = has_begun ? records::read_verdict(paths, epoch->attempt) : std::nullopt;
  if (written) verdict = *written;
  if (has_begun && !written) write_verdict(paths, verdict);
  say(base::text("verdict ", verdict.code, ": ", verdict.sentence));
  slurm.restart_count = restarts_of(slurm.job_id, *slurm::make_queries()).value_or(slurm.restart_count);
  if (has_begun && may_requeue(plan, verdict, slurm)) requeue(paths, epoch->id, slurm);
  return verdict.code;
}

}  // namespace

Verdict run_attempt(const spec::Plan& plan, const Nodes& nodes, const AttemptOptions& options) {
  base::ignore_broken_pipes();  // a reader of the progress that leaves does not end the run
  const base::Subreaper subreaper;
  base::SignalQueue signals({SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGCHLD});
  const Attempt attempt = begin_attempt(plan, nodes.places);
  options.watcher(attempt);
  Verdict verdict;
  RecordFeed feed(plan, attempt.paths, attempt.number(), options.say);
  ScalarFeed scalars(plan, attempt.paths, attempt.number(), options.say);
  try {
    prepare_data(plan, attempt, signals, options.say);
    verdict = Supervisor(plan, attempt, nodes, options, subreaper, feed, scalars).run(signals);
  } catch (const std::exception& exception) {
    const Error error = base::error_of(exception);
    verdict = {.attempt = attempt.number(), .code = error.exit_code(), .sentence = error.what()};
  }
  end_attempt(attempt);
  try {
    if (verdict.code == 0 || !spec::is_removed(attempt.paths.folder)) write_verdict(attempt.paths, verdict);
  } catch (const Error& error) {
    options.say(base::text("the verdict cannot be written: ", error.what()));
    if (verdict.code == 3 || verdict.code == 4) verdict.code = error.exit_code();  // so that nobody queues it again
  }
  scalars.finish();
  feed.finish(verdict, signals);
  subreaper.end_rest(kRest_s);
  return verdict;
}

int supervise(const std::vector<std::string>& words) {
  if (words.empty())
    throw Error::user(
        {.what = "muster supervise RUN_FOLDER: the folder is missing",
         .fix = "it is what the batch script of a run calls; people use `muster submit` or `muster run`"});
  base::ignore_broken_pipes();
  const spec::RunPaths paths{std::filesystem::absolute(words[0])};
  const spec::Plan plan = spec::read_plan(paths.plan());
  check_folder_is_its_own(plan, paths.folder);
  auto slurm = spec::parse_slurm_env();
  if (slurm) {
    const std::optional<base::ChildEnd> end = stand_by();
    if (end) return end->signal == 0 ? end->code : stand_in(paths, *slurm, *end);
  }
  const std::unique_ptr<slurm::Queries> queries = slurm::make_queries();
  if (slurm) slurm->restart_count = restarts_of(slurm->job_id, *queries).value_or(slurm->restart_count);
  if (slurm && slurm->restart_count > plan.job.requeue.max && plan.job.requeue.max > 0)
    throw Error::cluster({.what = base::text("Slurm has queued this job again ", slurm->restart_count,
                                             " times, but requeue.max = ", plan.job.requeue.max),
                          .where = paths.folder.string()});
  const std::vector<std::string> srun_flags(words.begin() + 1, words.end());
  std::error_code ignored;
  std::filesystem::remove(paths.not_begun(), ignored);
  Nodes nodes;
  try {
    nodes = choose_nodes(plan, *queries, {.slurm = slurm, .srun_flags = srun_flags, .say = say});
  } catch (const Error& error) {
    base::write_file(paths.not_begun(), error.what());  // for `muster status`
    throw;
  }
  if (!nodes.warning.empty()) say("warning: " + nodes.warning);
  std::optional<Attempt> begun;
  AttemptOptions options{.srun_flags = srun_flags, .say = say};
  options.watcher = [&](const Attempt& attempt) {
    if (begun) return;
    begun = attempt;
    say(base::text("attempt ", attempt.number(), " (", attempt.placement.attempt_id, ") on ", nodes.places.size(),
                   " nodes, ", plan.ranks.size(), " ranks"));
    if (attempt.number() > 0) say("this attempt " + beginning_text(plan));
  };
  const Verdict verdict = run_attempt(plan, nodes, options);
  say(base::text("verdict ", verdict.code, ": ", verdict.sentence));
  if (slurm && begun && may_requeue(plan, verdict, *slurm)) requeue(paths, begun->placement.attempt_id, *slurm);
  return verdict.code;
}

cli::Verb supervise_verb() {
  struct Options {
    std::vector<std::string> words;
  };
  return cli::make_verb<Options>(
      {.name = "supervise",
       .usage = "RUN_FOLDER [-- SRUN_FLAG...]",
       .summary = "one attempt of a run, inside its job",
       .max_words = 64,
       .is_for_people = false,
       .prints_its_answer = false},
      [](cli::Flags&, Options&) {}, [](const Options& options) { return supervise(options.words); });
}

}  // namespace muster::supervise

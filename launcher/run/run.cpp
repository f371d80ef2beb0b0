#include "launcher/run/run.h"

#include <unistd.h>

#include <cstdio>
#include <optional>

#include "launcher/cli/shared_flags.h"
#include "launcher/progress/progress.h"
#include "launcher/records/submission.h"
#include "launcher/render/batch_script.h"
#include "launcher/run/detach.h"
#include "launcher/run/pin.h"
#include "launcher/run/run_folder.h"
#include "launcher/slurm/queries.h"
#include "launcher/supervise/agents.h"
#include "launcher/supervise/preflight.h"
#include "launcher/supervise/supervise.h"
#include "runtime/base/followed_file.h"
#include "runtime/base/inherited.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"
#include "runtime/spec/epoch.h"

namespace muster::run {

using records::check_no_job;
using records::read_submissions;
namespace {

constexpr std::size_t kLogLines = 8;

// A path as a person would type it from here.
std::string typed_path(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::string near = std::filesystem::proximate(path, ignored).string();
  return base::shell_quoted(near.empty() || near.starts_with("..") ? path.string() : near);
}

std::string resume_hint(const spec::Plan& plan) {
  return base::text("resume:  ", typed_path(plan.binaries / "muster"), " run --run-dir ", typed_path(plan.run_folder),
                    "   (it ", supervise::beginning_text(plan), ")\n");
}

// The sentence, the end of the log of the rank that it names, and how to go on.
std::string failure_page(const spec::Plan& plan, const records::Verdict& verdict) {
  const spec::RunPaths paths{plan.run_folder};
  std::string page = "\nmuster: the run failed: " + verdict.sentence + "\n";
  if (spec::is_removed(plan.run_folder)) return page;
  const std::filesystem::path log =
      verdict.rank ? paths.rank_log(verdict.attempt, *verdict.rank) : paths.node_log(verdict.attempt, 0);
  const std::vector<std::string> lines = base::last_lines(log, kLogLines);
  if (!lines.empty()) page += base::text("\nlast lines of ", typed_path(log), ":\n");
  for (const std::string& line : lines) page += "  | " + line + "\n";
  page += "\nfolder:  " + typed_path(plan.run_folder) + "\n";
  // What a person has to fix stands in the plan as well: without a checkpoint the next attempt would end alike.
  const bool would_fail_again = verdict.code == 2 && spec::complete_checkpoints(paths).empty();
  return would_fail_again ? page : page + resume_hint(plan);
}

// Where a run in the background writes what it would print.
std::filesystem::path attempt_log(const supervise::Attempt& attempt) {
  return attempt.paths.attempt(attempt.number()) / "run.log";
}

std::string background_page(const spec::Plan& plan, const std::filesystem::path& log) {
  const std::string folder = typed_path(plan.run_folder);
  return base::text("run folder ", folder, "\nthe run goes on in the background as process ", ::getpid(),
                    "; it writes to ", typed_path(log), "\n\nfollow:  muster logs -f ", folder,
                    "\nstate:   muster status ", folder, "\nend:     muster cancel ", folder, "\n");
}

/// Two supervisors of one run would fence each other off. Slurm that does not answer is a warning: the folder of a
/// submitted run may have come to a machine without it.
void check_no_other_job(const spec::Plan& plan) {
  if (read_submissions(plan.run_folder).empty()) return;
  const std::optional<spec::SlurmEnv> here = spec::parse_slurm_env();
  try {
    check_no_job(plan.run_folder, *slurm::make_queries(), here ? here->job_id : "");
  } catch (const Error& error) {
    if (error.kind() != base::ErrorKind::cluster) throw;
    base::print(
        stderr,
        base::text("warning: whether a job of this run waits or runs is not known: ", error.faults()[0].what, "\n"));
  }
}

struct RunOptions : StartOptions {
  bool detach = false;
};

/// A run whose newest attempt has done all its steps, asked for again as it is.
bool is_done(const Prepared& prepared, const RunOptions& given) {
  if (!prepared.is_next_attempt || given.data_changed || !given.overrides.empty() || !given.cluster.empty())
    return false;
  const auto epoch = spec::current_epoch(prepared.plan.run_folder);
  const auto verdict = epoch ? records::read_verdict({prepared.plan.run_folder}, epoch->attempt) : std::nullopt;
  return verdict && verdict->code == 0;
}

int start_here(const RunOptions& given) {
  if (given.words.empty() && !given.new_binaries) become_pinned(given.run_dir);
  base::ignore_broken_pipes();
  std::optional<Background> background;
  if (given.detach)
    if (const std::optional<int> code = detach(background.emplace())) return *code;
  const Prepared prepared = prepare(given);
  const spec::Plan& plan = prepared.plan;
  const spec::RunPaths paths{plan.run_folder};
  for (const std::string& warning : plan.warnings) base::print(stderr, "warning: " + warning + "\n");
  for (const std::string& note : prepared.notes) base::print(stderr, note + "\n");
  if (prepared.takeover) base::print(stderr, takeover_page(*prepared.takeover));
  check_device_here(plan);
  if (const std::string shortfall = memory_shortfall_here(plan); !shortfall.empty())
    base::print(stderr, "warning: " + shortfall + "\n");
  for (const std::string& warning : try_first(prepared, given)) base::print(stderr, "warning: " + warning + "\n");
  if (is_done(prepared, given)) {
    base::print(stdout, base::text("all ", plan.job.grpo.steps, " steps of this run are done: muster run --run-dir ",
                                   typed_path(plan.run_folder), " --set grpo.steps=N goes on to step N\n"));
    return 0;
  }
  if (prepared.is_next_attempt) check_no_other_job(plan);
  write_run_folder(prepared);

  const std::vector<std::string> srun_flags = render::agent_words(plan, with_library_mounts(plan, prepared.cluster));
  const supervise::Nodes nodes = supervise::choose_nodes(
      plan, *slurm::make_queries(),
      {.slurm = spec::parse_slurm_env(), .srun_flags = srun_flags, .say = [](const std::string& line) {
         base::print(stderr, line + "\n");
       }});
  if (!nodes.warning.empty()) base::print(stderr, "warning: " + nodes.warning + "\n");
  if (!nodes.by_srun && prepared.cluster.container.kind != cluster::ContainerKind::none)
    base::print(stderr, "warning: [container] has no effect on ranks that are started here, without srun\n");
  std::optional<progress::View> view;
  supervise::AttemptOptions options{.srun_flags = srun_flags};
  options.say = [&](const std::string& line) {
    if (view) view->note(line);
    if (!view || (background && !background->has_begun())) base::print(stderr, line + "\n");
  };
  options.watcher = [&](const supervise::Attempt& attempt) {
    if (view && background && !background->has_begun())
      background->report_begun(background_page(plan, attempt_log(attempt)));
    if (!view) {
      if (background) background->print_to(attempt_log(attempt));
      if (prepared.is_next_attempt)
        base::print(stdout, base::text("attempt ", attempt.number(), " ", supervise::beginning_text(plan), "\n"));
      base::print(stdout, base::text("run folder ", typed_path(plan.run_folder), "\n"));
      view.emplace(plan, paths, attempt.number(), stdout, ::isatty(STDOUT_FILENO) == 1);
    }
    view->poll();
  };
  const records::Verdict verdict = supervise::run_attempt(plan, nodes, options);
  if (view) view->finish();

  if (verdict.code == 0) {
    base::print(stdout, progress::summary_text(plan, paths, verdict.attempt));
  } else if (verdict.code > 128) {
    base::print(stderr, "\nmuster: " + verdict.sentence + "; every process has ended\n" + resume_hint(plan));
  } else {
    base::print(stderr, failure_page(plan, verdict));
    if (verdict.code == 2 && remove_if_nothing_began(prepared, verdict.attempt))
      base::print(stderr, "no rank was started: the run folder is removed\n");
  }
  return verdict.code;
}

}  // namespace

cli::Verb run_verb() {
  return cli::make_verb<RunOptions>(
      {.name = "run",
       .usage = "JOB [--from RUN[@STEP]] [--run-dir DIR] [--detach] [--set key=value]... | --plan FILE | --run-dir DIR",
       .summary = "runs a job here, or across the nodes of the allocation it is called in",
       .example = "muster run smollm2-135m-sums --set grpo.steps=20",
       .max_words = 1,
       .prints_its_answer = false},
      [](cli::Flags& flags, RunOptions& options) {
        options.verb = "run";
        add_start_flags(flags, options);
        cli::add_run_root_flag(flags, options.user_settings);
        add_from_flag(flags, options);
        add_try_flag(flags, options);
        flags.add("plan", "FILE", "run a plan as it is", options.plan_file);
        add_attempt_flags(flags, options);
        flags.add("detach", "return once the ranks run; the run goes on without this terminal", options.detach);
      },
      start_here);
}

}  // namespace muster::run

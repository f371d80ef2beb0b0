#include "launcher/status/status.h"

#include <cmath>
#include <cstdio>
#include <ctime>

#include "launcher/cli/shared_flags.h"
#include "launcher/page/figure_text.h"
#include "launcher/progress/block.h"
#include "launcher/records/followed_run.h"
#include "launcher/records/lessons.h"
#include "launcher/records/slowest.h"
#include "launcher/records/step_statistics.h"
#include "launcher/records/submission.h"
#include "launcher/slurm/scontrol_text.h"
#include "launcher/status/standing.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/followed_file.h"
#include "runtime/base/json_text.h"
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

constexpr double kQuiet_s = 60;  // so long without a record is worth a word

struct StatusOptions {
  std::vector<std::string> words;  // RUN
  bool json = false;
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
  if (const std::string held_out = progress::held_out_text(run.records()); !held_out.empty())
    page += row("held out", held_out);
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
  if (const auto& looks = run.records().validations; !looks.empty())
    json["held_out"] = spec::to_json(looks.rbegin()->second);
  const records::LessonWarnings lessons = records::lesson_warnings(run.records().step_list());
  json["warnings"] = nlohmann::ordered_json::array();
  for (const std::string& warning : {lessons.idle, lessons.ungraded})
    if (!warning.empty()) json["warnings"].push_back(warning);
  json["resume"] = resume;
  return status;
}

namespace {

int print_status(const StatusOptions& options) {
  const RunStatus status =
      status_of(records::find_run(options.words.empty() ? "" : options.words[0]), *slurm::make_queries());
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

}  // namespace muster::status

#include "launcher/slurm/control.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "launcher/slurm/command.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

constexpr double kDeadline_s = 30;  // sbatch itself waits for a busy controller
constexpr double kSoon_s = 2;       // for what must not keep a run from ending
constexpr int kTries = 3;           // of squeue after a submission whose answer tells nothing

std::string checked(const std::vector<std::string>& command, const std::string& fix) {
  const CommandResult result = run_command(command, kDeadline_s);
  if (result.timed_out)
    throw Error::cluster(
        {.what = base::text(command[0], " did not answer in ", base::seconds_text(kDeadline_s)), .fix = fix});
  if (result.code != 0)
    throw Error::cluster(
        {.what = base::text(command[0], " failed: ", base::trim(result.errors + result.output)), .fix = fix});
  return base::trim(result.output);
}

class CommandControl : public Control {
 public:
  Forecast forecast(const std::filesystem::path& script) override {
    const CommandResult result = run_command({"sbatch", "--test-only", script.string()}, kDeadline_s);
    if (result.timed_out) return {.said = "sbatch --test-only did not answer"};
    return parse_forecast(result.errors + result.output, result.code);
  }

  Submitted submit(const Submission& submission) override {
    const std::vector<std::string> before = jobs_of(submission, 1).value_or(std::vector<std::string>{});
    const CommandResult result = run_command({"sbatch", "--parsable", submission.script.string()}, kDeadline_s);
    const std::string id = parse_job_id(result.output);
    if (!result.timed_out && result.code == 0 && !id.empty()) return {.id = id};
    std::optional<std::vector<std::string>> jobs = jobs_of(submission, kTries);
    if (jobs)
      std::erase_if(
          *jobs, [&](const std::string& one) { return std::find(before.begin(), before.end(), one) != before.end(); });
    return found(jobs, result);
  }

  void cancel(const std::string& id) override { checked({"scancel", id}, ""); }
  void requeue(const std::string& id) override { checked({"scontrol", "requeue", id}, "submit again with --run-dir"); }

  bool end_step(const std::string& id, const std::string& name) override {
    const CommandResult listed =
        run_command({"squeue", "--steps", "--noheader", "--job=" + id, "--format=%i|%j"}, kSoon_s);
    const std::string step = listed.timed_out ? "" : step_named(listed.output, name);
    if (step.empty()) return false;
    const CommandResult result = run_command({"scancel", "--signal=TERM", step}, kSoon_s);
    return !result.timed_out && result.code == 0;
  }

 private:
  // sbatch's answer is no help: the jobs themselves say whether one of them is this script's.
  Submitted found(const std::optional<std::vector<std::string>>& jobs, const CommandResult& result) {
    const std::string said = result.timed_out ? base::text("sbatch did not answer in ", base::seconds_text(kDeadline_s))
                                              : answer_text(result);
    if (!jobs) return {.sentence = said + "; a job may have been taken, but squeue does not answer: squeue --me"};
    if (jobs->empty() && result.code != 0 && !result.timed_out)
      throw Error::cluster({.what = said, .fix = "nothing was queued"});
    if (jobs->empty()) return {.sentence = said + "; squeue shows no job of it"};
    if (jobs->size() == 1) return {.id = jobs->front(), .sentence = said + "; the job was found by its log"};
    for (const std::string& id : *jobs) cancel(id);
    return {.sentence = base::text(said, "; jobs ", base::join(*jobs, ", "), " were queued for it and are cancelled")};
  }

  static std::string answer_text(const CommandResult& result) {
    const std::string words = base::trim(result.errors + result.output);
    return result.code != 0 ? "sbatch failed: " + words
                            : base::text("sbatch answered '", words, "', which names no job");
  }

  // The person's jobs that write to this log, also those that are over; none when squeue does not answer.
  static std::optional<std::vector<std::string>> jobs_of(const Submission& submission, int tries) {
    for (int done = 0; done < tries; ++done) {
      if (done > 0) std::this_thread::sleep_for(std::chrono::seconds(2));
      const CommandResult result =
          run_command({"squeue", "--me", "--noheader", "--states=all", "--Format=JobID:|,STDOUT:"}, kDeadline_s);
      if (!result.timed_out && result.code == 0) return jobs_with_log(result.output, submission.log);
    }
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<Control> make_control() { return std::make_unique<CommandControl>(); }

Forecast parse_forecast(const std::string& text, int code) {
  Forecast forecast{.accepted = code == 0};
  for (std::string line : base::split(text, '\n')) {
    line = base::trim(line);
    for (const std::string prefix : {"sbatch: error: ", "allocation failure: ", "sbatch: "})
      if (line.starts_with(prefix)) line = line.substr(prefix.size());
    if (line.empty()) continue;
    forecast.said += (forecast.said.empty() ? "" : "; ") + line;
    const std::size_t at = line.find(" to start at ");
    if (at != std::string::npos) forecast.start_s = parse_time(line.substr(at + 13, 19));
  }
  return forecast;
}

std::string parse_job_id(const std::string& output) {
  std::set<std::string> ids;
  for (const std::string& line : base::split(output, '\n')) {
    std::string words = base::trim(line);
    constexpr std::string_view kSentence = "Submitted batch job ";
    if (const std::size_t at = words.find(kSentence); at != std::string::npos) {
      words = words.substr(at + kSentence.size());
      words = words.substr(0, words.find_first_not_of("0123456789"));
    }
    const std::string id = words.substr(0, words.find(';'));
    if (!id.empty() && id.find_first_not_of("0123456789") == std::string::npos) ids.insert(id);
  }
  return ids.size() == 1 ? *ids.begin() : "";
}

std::string step_named(const std::string& lines, const std::string& name) {
  for (const std::string& line : base::split(lines, '\n'))
    if (const std::size_t bar = line.find('|'); bar != std::string::npos && base::trim(line.substr(bar + 1)) == name)
      return base::trim(line.substr(0, bar));
  return "";
}

std::vector<std::string> jobs_with_log(const std::string& lines, const std::string& log) {
  std::vector<std::string> ids;
  for (const std::string& line : base::split(lines, '\n')) {
    const std::size_t bar = line.find('|');
    if (bar != std::string::npos && line.substr(bar + 1).starts_with(log))
      ids.push_back(base::trim(line.substr(0, bar)));
  }
  return ids;
}

}  // namespace muster::slurm

#include "launcher/records/submission.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"

namespace muster::records {
namespace fs = std::filesystem;

namespace {

fs::path file_of(const fs::path& run_folder) { return run_folder / "submit.json"; }

bool is_number(const std::string& word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
}

std::string lower(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word;
}

nlohmann::ordered_json to_json(const Submission& one) {
  return {{"job_id", one.job_id}, {"cluster", one.cluster}, {"time", one.time}};
}

}  // namespace

void add_submission(const fs::path& run_folder, const Submission& submission) {
  nlohmann::ordered_json object = to_json(submission);
  std::vector<Submission> jobs = read_submissions(run_folder);
  jobs.push_back(submission);
  for (const Submission& one : jobs) object["jobs"].push_back(to_json(one));
  base::write_file(file_of(run_folder), base::json_text(object) + "\n");
}

std::vector<Submission> read_submissions(const fs::path& run_folder) {
  std::error_code ignored;
  if (!fs::exists(file_of(run_folder), ignored)) return {};
  const auto object = nlohmann::json::parse(base::read_file(file_of(run_folder)), nullptr, false);
  // The newest job stands at the top as well: all that older versions wrote.
  const auto jobs = object.is_object() && object.contains("jobs") ? object["jobs"] : nlohmann::json::array({object});
  std::vector<Submission> list;
  const auto word = [](const nlohmann::json& one, const char* key) {
    return one.contains(key) && one[key].is_string() ? one[key].get<std::string>() : std::string();
  };
  for (const auto& one : jobs) {
    if (!one.is_object() || word(one, "job_id").empty())
      throw Error::user({.what = "not the record of a submission", .where = file_of(run_folder).string()});
    list.push_back({.job_id = word(one, "job_id"), .cluster = word(one, "cluster"), .time = word(one, "time")});
  }
  if (list.empty())
    throw Error::user({.what = "not the record of a submission", .where = file_of(run_folder).string()});
  return list;
}

void check_no_job(const fs::path& run_folder, slurm::Queries& queries, const std::string& own_job) {
  for (const Submission& one : read_submissions(run_folder)) {
    if (one.job_id == own_job) continue;
    const std::optional<slurm::JobFacts> job = queries.job(one.job_id);
    if (job && !job->is_over())
      throw Error::user({.what = base::text("job ", one.job_id, " of this run is ", lower(job->state)),
                         .where = run_folder.string(),
                         .fix = base::text("muster cancel ", one.job_id, " ends it; muster status ", one.job_id)});
  }
}

fs::path newest_run_folder() {
  fs::path newest;
  fs::file_time_type newest_time;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("runs", ignored)) {
    const fs::path plan = spec::RunPaths{entry.path()}.plan();
    if (!fs::exists(plan, ignored)) continue;
    // The folder's own time moves with each attempt; the plan's with the run's making.
    const fs::file_time_type time =
        std::max(fs::last_write_time(plan, ignored), fs::last_write_time(entry.path(), ignored));
    if (newest.empty() || time > newest_time) newest = entry.path(), newest_time = time;
  }
  if (newest.empty())
    throw Error::user({.what = "no run in the folder 'runs' here", .fix = "name a run folder or a job id"});
  return fs::absolute(newest).lexically_normal();
}

fs::path find_run(const std::string& word) {
  if (word.empty()) return newest_run_folder();
  std::error_code ignored;
  if (fs::exists(spec::RunPaths{word}.plan(), ignored)) return fs::absolute(word).lexically_normal();
  if (is_number(word))
    for (const auto& entry : fs::directory_iterator("runs", ignored))
      for (const Submission& job : read_submissions(entry.path()))
        if (job.job_id == word) return fs::absolute(entry.path()).lexically_normal();
  throw Error::user(
      {.what = is_number(word) ? base::text("no run in the folder 'runs' here was submitted as job ", word)
                               : base::text("'", word, "' is no run folder: it holds no plan.toml"),
       .fix = "name the run folder that `run` or `submit` printed, or a job id from the folder where you submitted"});
}

}  // namespace muster::records

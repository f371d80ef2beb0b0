#include "launcher/run/submission.h"

#include <nlohmann/json.hpp>

#include "launcher/run/run_folder.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::run {
namespace fs = std::filesystem;

namespace {

fs::path file_of(const fs::path& run_folder) { return run_folder / "submit.json"; }

bool is_number(const std::string& word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

void write_submission(const fs::path& run_folder, const Submission& submission) {
  const nlohmann::ordered_json object{
      {"job_id", submission.job_id}, {"cluster", submission.cluster}, {"time", submission.time}};
  base::write_file(file_of(run_folder), object.dump() + "\n");
}

std::optional<Submission> read_submission(const fs::path& run_folder) {
  std::error_code ignored;
  if (!fs::exists(file_of(run_folder), ignored)) return std::nullopt;
  const auto object = nlohmann::json::parse(base::read_file(file_of(run_folder)), nullptr, false);
  if (!object.is_object() || !object.contains("job_id") || !object["job_id"].is_string())
    throw Error::user({.what = "not the record of a submission", .where = file_of(run_folder).string()});
  return Submission{
      .job_id = object["job_id"], .cluster = object.value("cluster", ""), .time = object.value("time", "")};
}

fs::path find_run(const std::string& word) {
  if (word.empty()) return newest_run_folder();
  std::error_code ignored;
  if (fs::exists(spec::RunPaths{word}.plan(), ignored)) return fs::absolute(word).lexically_normal();
  if (is_number(word))
    for (const auto& entry : fs::directory_iterator("runs", ignored))
      if (const auto submission = read_submission(entry.path()); submission && submission->job_id == word)
        return fs::absolute(entry.path()).lexically_normal();
  throw Error::user(
      {.what = is_number(word) ? base::text("no run in the folder 'runs' here was submitted as job ", word)
                               : base::text("'", word, "' is no run folder: it holds no plan.toml"),
       .fix = "name the run folder that `run` or `submit` printed, or a job id from the folder where you submitted"});
}

}  // namespace muster::run

// submit.json in a run folder: which job of which Slurm the run is; and how a person names a run.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace muster::run {

struct Submission {
  std::string job_id, cluster, time;  // time: of the submission, UTC
};
void write_submission(const std::filesystem::path& run_folder, const Submission& submission);
/// None for a run that was not submitted. throws: Error::user when the file is broken.
std::optional<Submission> read_submission(const std::filesystem::path& run_folder);

/// The run folder that `word` means: a folder, the id of a job whose folder lies in runs/, or "" for the newest run in
/// runs/. throws: Error::user.
std::filesystem::path find_run(const std::string& word);

}  // namespace muster::run

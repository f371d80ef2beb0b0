// submit.json in a run folder: which jobs of which Slurm the run has had; and how a person names a run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/slurm/queries.h"

namespace muster::records {

struct Submission {
  std::string job_id, cluster, time;  // time: of the submission, UTC
};
/// Adds a job of the run: the file keeps all of them.
void add_submission(const std::filesystem::path& run_folder, const Submission& submission);
/// Every job of the run, oldest first; empty for a run that was not submitted. throws: Error::user when the file is
/// broken.
std::vector<Submission> read_submissions(const std::filesystem::path& run_folder);

/// throws: Error::user when one of the run's jobs is pending or running, but for `own_job`, the job that asks.
void check_no_job(const std::filesystem::path& run_folder, slurm::Queries& queries, const std::string& own_job = "");

/// The newest folder in runs/ that holds a plan. throws: Error::user when there is none.
std::filesystem::path newest_run_folder();
/// The run folder that `word` means: a folder, the id of any of its jobs where the folder lies in runs/, or "" for the
/// newest run in runs/. throws: Error::user.
std::filesystem::path find_run(const std::string& word);

}  // namespace muster::records

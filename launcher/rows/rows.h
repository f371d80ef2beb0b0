// The performance rows that NVIDIA published for NeMo RL (templates/published.toml): read, selected, sorted. What was
// measured, on what, and which shipped job is each of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace muster::rows {

/// Columns are as printed; 0 or empty where the page prints none. `differs`: keys of the job that hold another value
/// than a printed column, which is wrong.
struct PublishedRow {
  std::string id, release, source, job, model, algorithm, mode, backend, system, cluster;
  std::int64_t gpus = 0;
  std::string gen_dtype, train_dtype, dataset;
  std::int64_t max_sequence_tokens = 0, samples_per_step = 0, update_samples = 0;
  std::int64_t gen_tp = 0, gen_pp = 0, gen_dp = 0;
  std::int64_t train_tp = 0, train_cp = 0, train_ep = 0, train_pp = 0, train_dp = 0;
  double tokens_per_s_per_gpu = 0, step_s = 0;
  std::int64_t answer_tokens = 0;  // mean of a sample, generated ones only
  std::string recipe;
  std::vector<std::string> differs;
  std::string note;
  std::vector<std::string> unsupported;  // settings of the job that the runtime lacks; not in the file
};

/// throws: Error::user with every fault of the file.
std::vector<PublishedRow> read_rows(const std::filesystem::path& file);
/// Of the shipped file.
std::vector<PublishedRow> shipped_rows();
/// What was printed of a row, by the names of its fields, and `runs`: whether the runtime runs its job.
nlohmann::ordered_json row_value(const PublishedRow& row);

/// Rows for which every word holds. A word is part of a field that a row is known by (id, release, model, system, mode,
/// backend, precision, algorithm, data), a job, or a number of GPUs; "key=value" names the field. Case does not matter.
/// throws: Error::user for a word that holds for no row at all, with the nearest that does, and when none has all.
std::vector<PublishedRow> select_rows(std::vector<PublishedRow> rows, const std::vector<std::string>& words);
/// By a field: rates from the highest, everything else upwards; what a row lacks comes last. throws: Error::user.
void sort_rows(std::vector<PublishedRow>& rows, const std::string& key);

/// Tokens of a sample that the printed rate, step time and samples imply; 0 when the step time is not printed.
double implied_tokens(const PublishedRow& row);

}  // namespace muster::rows

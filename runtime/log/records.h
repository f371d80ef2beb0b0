// The records of a run, written by the writer rank only: steps.jsonl, samples.jsonl, warmup.jsonl and, from the first
// look on, validation.jsonl and validation_samples.jsonl. Every line carries the attempt, and before each line the
// epoch is read again: an attempt that has been followed by another writes nothing any more. A line that cannot be
// written ends the run, but for samples: those are left out, with a warning.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/json_lines.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/step_record.h"
#include "runtime/spec/validation_record.h"

namespace muster::log {

/// One line of samples.jsonl.
struct SampleRecord {
  std::int64_t step = 0, prompt_index = 0, sample_index = 0, weight_version = 0;
  std::vector<std::int32_t> tokens;  // of the answer
  std::vector<float> logprobs;
  std::string prompt, text;
  std::string gold = {};  // the answer that the row gives; left out where it gives none
  std::string row = {};   // of the data, one JSON object as its source has it; left out where it is none
  double reward = 0;
  std::string outcome;           // graded, timeout, failed
  std::string reward_note = {};  // why it was not graded; left out where it was
  std::string finish;            // stop, length
  std::vector<std::vector<std::int64_t>> changes =
      {};  // {position, weight_version} where a token is the first of other weights; left out without
};

class Records {
 public:
  /// throws: Error::user when the folder cannot be written; every call below: Error::rank when another attempt owns the
  /// folder.
  /// `synthetic`: said in every line. `warn`: gets a sentence for a person.
  Records(const spec::RunPaths& paths, std::int64_t attempt, std::string attempt_id, bool synthetic = false,
          std::function<void(const std::string&)> warn = {});
  void step(const spec::StepRecord& record);
  void sample(const SampleRecord& record);
  void validation(const spec::ValidationRecord& record);
  void validation_sample(const SampleRecord& record);
  /// A line of warmup.jsonl: {"attempt", "kind": "sft" | "check" | "start", ...}.
  void warmup(nlohmann::ordered_json line);
  /// All lines so far are on the disk afterwards: a checkpoint that follows them may be published.
  void sync();

 private:
  void warn_of_samples(const base::Fault& fault);
  void append(base::JsonLinesWriter& lines, nlohmann::ordered_json line) const;
  void append(base::JsonLinesWriter& lines, const SampleRecord& record);

  spec::RunPaths paths_;
  std::int64_t attempt_;
  std::string attempt_id_;
  bool synthetic_, has_warned_ = false;
  std::function<void(const std::string&)> warn_;
  base::JsonLinesWriter steps_, samples_, warmup_;
  std::optional<base::JsonLinesWriter> validation_, validation_samples_;
};

/// Steps 1 .. `last` that have no line in the file, in their order: what a power cut took.
std::vector<std::int64_t> missing_steps(const std::filesystem::path& steps, std::int64_t last);

}  // namespace muster::log

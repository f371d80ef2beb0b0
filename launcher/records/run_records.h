// What the files of a run say, followed while they grow: steps.jsonl, samples.jsonl, warmup.jsonl, validation.jsonl,
// and of the attempt's folder which ranks have begun. Broken lines are counted and told, never a reason to show
// nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/followed_file.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/step_record.h"
#include "runtime/spec/validation_record.h"

namespace muster::records {

/// One line of samples.jsonl, as far as a person wants to see it.
struct SampleLine {
  std::int64_t step = 0, attempt = 0, prompt_index = 0, sample_index = 0;
  std::string prompt, text, outcome;
  std::string gold;  // empty where the row gives none
  double reward = 0;
};

/// The supervised start.
struct WarmupLines {
  std::int64_t updates = 0;  // done
  double loss = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> checks;          // rewards, each after some updates
  std::optional<double> start_reward;  // measured afresh before step 1
  std::int64_t start_prompts = 0;
};

/// What the attempt's folder tells before the first record.
struct StartLines {
  std::int64_t ranks_started = 0;  // with a log
  bool all_met = false;
  std::optional<double> load_s;
  bool warm_start_done = false;
  std::optional<std::int64_t> resumed_after;  // the step, as the ranks decided
  std::vector<std::string> warnings;          // of the writer, whole lines
};

struct RunRecords {
  std::map<std::int64_t, spec::StepRecord> steps;  // by step, of its highest attempt, as far as the newest one is
  std::map<std::int64_t, std::vector<SampleLine>> samples;     // by step, of its highest attempt
  std::map<std::int64_t, spec::ValidationRecord> validations;  // of held-out rows, by the step that they follow
  WarmupLines warmup;
  StartLines start;
  std::vector<std::string> problems;  // "steps.jsonl: 2 lines are broken", one a file
  std::vector<const spec::StepRecord*> step_list() const;
};

/// Reads what is new in the files of a run.
class RecordReader {
 public:
  /// `attempt`: of samples, steps and warm-up only the lines of this one, or with `earlier_too` of all up to it.
  /// Without `samples` those are not read: a long run has many.
  RecordReader(const spec::RunPaths& paths, std::int64_t attempt, bool earlier_too, bool samples = true);
  /// Takes what has been added; true when there was something.
  bool read();
  const RunRecords& records() const { return records_; }

 private:
  struct Followed {
    std::filesystem::path path;
    std::int64_t offset = 0, broken = 0;
  };
  void each_new_line(Followed& file, const std::function<void(const nlohmann::ordered_json&)>& use) const;
  void take_warmup(const nlohmann::ordered_json& line);
  // These tell whether the line changes what is known.
  bool take_sample(SampleLine sample);
  bool take_step(const nlohmann::ordered_json& line);
  void take_validation(const spec::ValidationRecord& record);
  bool counts(const nlohmann::ordered_json& line) const;
  void tell_broken();
  bool read_start();

  spec::RunPaths paths_;
  std::int64_t attempt_;
  bool earlier_too_, with_samples_;
  Followed steps_, samples_, warmup_, validation_;
  std::int64_t warmup_attempt_ = -1;
  base::FollowedFile log_;  // of the writer
  RunRecords records_;
};

/// The samples of the last step that samples.jsonl holds, from the end of the file; empty when a line is longer than
/// what is looked at (a mebibyte).
std::vector<SampleLine> newest_samples(const spec::RunPaths& paths);

/// The lines of validation.jsonl up to this attempt; of a step that was repeated the last one. Broken lines are left
/// out.
std::vector<spec::ValidationRecord> read_validations(const spec::RunPaths& paths, std::int64_t attempt);

}  // namespace muster::records

// Every field of one line of steps.jsonl, declared once with unit and meaning. `muster keys --steps` prints this table.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/spec/memory.h"

namespace muster::spec {

/// Among StepRecord::rewards, beside the names of the parts: what the length of the answers added to the sum.
inline constexpr const char* kShapingName = "shaping";

struct StepRecord {
  std::int64_t step = 0, attempt = 0;
  std::int64_t weight_version = 0;  // of the generator when the step's samples were drawn
  std::string time;                 // wall clock, UTC
  bool synthetic = false;           // answers of forced lengths, random rewards
  double step_s = 0, step_to_step_s = 0;
  std::map<std::string, double>
      phases;  // generate_s, reward_s, logprob_s, train_s, refit_s, log_s, other_s: they add up to step_s
  double tokens_per_s_per_gpu = 0;
  std::int64_t tokens = 0, prompt_tokens = 0, answer_tokens = 0;
  double generate_tokens_per_s_per_gpu = 0, train_tokens_per_s_per_gpu = 0;
  double mfu = 0;
  double reward = 0, reward_std = 0;
  std::map<std::string, double> rewards;  // by the name of the part, before weights; and kShapingName
  std::int64_t samples = 0, graded = 0, timeouts = 0, failed = 0, refused_rows = 0;
  double groups_all_wrong = 0, groups_all_right = 0, groups_mixed = 0;
  double mean_answer_tokens = 0;
  std::int64_t max_answer_tokens = 0;
  double truncated = 0;
  double advantage_mean = 0, advantage_max = 0, advantage_min = 0;
  std::vector<double> losses, grad_norms;  // one an update
  std::map<std::string, double>
      tensor_norms;  // by weight, of the last update, before clipping; only with log.tensor_norms
  double lr = 0;
  double kl = 0, kl_penalty = 0, entropy = 0, clip_share = 0, ratio_mean = 0, correction_mean = 0;
  double age_mean = 0;  // of the tokens, in versions of the weights; this and the next are 0 in a synchronous run
  double mixed_share = 0;
  std::int64_t age_max = 0, queue_steps = 0, queue_bytes = 0;
  double starved_s = 0, throttled_s = 0;
  std::map<std::string, double> dynamic_sampling;      // counts of groups, and `reward` of all that was drawn
  double logprob_diff_mean = 0, logprob_diff_max = 0;  // |generator - trainer|
  double prob_error = 0;                               // mean of exp|generator - trainer|
  double gen_kl = 0;
  std::int64_t refit_bytes = 0, refit_least_bytes = 0;
  double refit_transfer_s = 0;
  std::int64_t refit_checked_tensors = 0;
  std::map<std::string, std::int64_t> memory;  // by owner, largest over the ranks
  std::map<std::string, std::int64_t> memory_predicted;
  std::map<std::string, std::map<std::string, std::int64_t>>
      phase_memory;              // by phase and owner, at the phase's peak; only on the CPU
  std::int64_t moved_bytes = 0;  // between device and host for the phases, largest over the ranks
  double move_s = 0;
  std::int64_t peak_memory_bytes = 0;                // largest resident (cpu) or allocated (cuda) over the ranks so far
  std::map<std::string, std::int64_t> slowest_rank;  // by phase
  std::map<std::string, std::map<std::string, std::int64_t>>
      calls;  // communicator -> {count, bytes}, rank 0 of the role
};

/// One field as `muster keys --steps` prints it.
struct FieldInfo {
  std::string name, unit, meaning;
  bool identical = true;  // compared when two runs are called identical (seconds, rates, peaks, attempt are not)
};
const std::vector<FieldInfo>& step_fields();

nlohmann::ordered_json to_json(const StepRecord& record);
/// A line of steps.jsonl; what is missing or of another type stays 0, null is NaN. None without a step number.
std::optional<StepRecord> step_record_of(const nlohmann::ordered_json& line);

}  // namespace muster::spec

// Every field of one line of validation.jsonl, declared once with unit and meaning. `muster keys --steps` prints this
// table too.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/spec/step_record.h"

namespace muster::spec {

/// One look at rows that are not trained on. Samples that timed out or failed are counted and take no part in the
/// shares.
struct ValidationRecord {
  std::int64_t step = 0, attempt = 0;  // after this step; 0: before the first
  std::int64_t weight_version = 0;
  std::string time;
  double seconds = 0;
  std::int64_t prompts = 0, samples_per_prompt = 0;
  double pass_1 = 0, pass_k = 0, mean_k = 0, maj_k = 0;
  double mean_answer_tokens = 0, truncated = 0;
  std::int64_t timeouts = 0, failed = 0;
};

const std::vector<FieldInfo>& validation_fields();
nlohmann::ordered_json to_json(const ValidationRecord& record);
/// Fields that are missing keep their defaults: for views.
ValidationRecord validation_record_of(const nlohmann::ordered_json& line);

}  // namespace muster::spec

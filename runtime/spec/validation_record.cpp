#include "runtime/spec/validation_record.h"

#include <nlohmann/json.hpp>

namespace muster::spec {

const std::vector<FieldInfo>& validation_fields() {
  static const std::vector<FieldInfo> fields{
      {"step", "", "after which the weights were looked at; 0: before the first"},
      {"attempt", "", "of the run", false},
      {"weight_version", "", "of the generator"},
      {"time", "", "wall clock, UTC", false},
      {"seconds", "s", "of the whole look", false},
      {"prompts", "prompts", "looked at"},
      {"samples_per_prompt", "samples", "k"},
      {"pass_1", "", "pass@1: share of graded samples with reward 1 or more, mean over the prompts"},
      {"pass_k", "", "pass@k: share of prompts with such a sample among k"},
      {"mean_k", "", "mean@k: mean reward of the graded samples, mean over the prompts"},
      {"maj_k", "", "maj@k: share of prompts whose most frequent final answer is right"},
      {"mean_answer_tokens", "tokens", "of an answer"},
      {"truncated", "", "share of answers cut off"},
      {"timeouts", "samples", "whose grading was given up"},
      {"failed", "samples", "whose grader died"},
  };
  return fields;
}

nlohmann::ordered_json to_json(const ValidationRecord& record) {
  return {{"step", record.step},
          {"attempt", record.attempt},
          {"weight_version", record.weight_version},
          {"time", record.time},
          {"seconds", record.seconds},
          {"prompts", record.prompts},
          {"samples_per_prompt", record.samples_per_prompt},
          {"pass_1", record.pass_1},
          {"pass_k", record.pass_k},
          {"mean_k", record.mean_k},
          {"maj_k", record.maj_k},
          {"mean_answer_tokens", record.mean_answer_tokens},
          {"truncated", record.truncated},
          {"timeouts", record.timeouts},
          {"failed", record.failed}};
}

ValidationRecord validation_record_of(const nlohmann::ordered_json& line) {
  const ValidationRecord none;
  return {.step = line.value("step", none.step),
          .attempt = line.value("attempt", none.attempt),
          .weight_version = line.value("weight_version", none.weight_version),
          .time = line.value("time", none.time),
          .seconds = line.value("seconds", none.seconds),
          .prompts = line.value("prompts", none.prompts),
          .samples_per_prompt = line.value("samples_per_prompt", none.samples_per_prompt),
          .pass_1 = line.value("pass_1", none.pass_1),
          .pass_k = line.value("pass_k", none.pass_k),
          .mean_k = line.value("mean_k", none.mean_k),
          .maj_k = line.value("maj_k", none.maj_k),
          .mean_answer_tokens = line.value("mean_answer_tokens", none.mean_answer_tokens),
          .truncated = line.value("truncated", none.truncated),
          .timeouts = line.value("timeouts", none.timeouts),
          .failed = line.value("failed", none.failed)};
}

}  // namespace muster::spec

#include "runtime/log/records.h"

#include <nlohmann/json.hpp>

#include "runtime/spec/epoch.h"

namespace muster::log {

using nlohmann::ordered_json;

Records::Records(const spec::RunPaths& paths, std::int64_t attempt, std::string attempt_id, bool synthetic)
    : paths_(paths),
      attempt_(attempt),
      attempt_id_(std::move(attempt_id)),
      synthetic_(synthetic),
      steps_(paths.steps()),
      samples_(paths.samples()),
      warmup_(paths.warmup()) {}

void Records::step(const spec::StepRecord& record) {
  spec::check_epoch(paths_.folder, attempt_id_);
  steps_.append(spec::to_json(record));
}

void Records::sample(const SampleRecord& record) { append(samples_, record); }

void Records::validation(const spec::ValidationRecord& record) {
  if (!validation_) validation_.emplace(paths_.validation());
  append(*validation_, spec::to_json(record));
}

void Records::validation_sample(const SampleRecord& record) {
  if (!validation_samples_) validation_samples_.emplace(paths_.validation_samples());
  append(*validation_samples_, record);
}

void Records::append(base::JsonLinesWriter& lines, ordered_json line) const {
  spec::check_epoch(paths_.folder, attempt_id_);
  if (synthetic_) line["synthetic"] = true;
  lines.append(line);
}

void Records::append(base::JsonLinesWriter& lines, const SampleRecord& record) const {
  append(lines, ordered_json{{"step", record.step},
                             {"attempt", attempt_},
                             {"prompt_index", record.prompt_index},
                             {"sample_index", record.sample_index},
                             {"weight_version", record.weight_version},
                             {"reward", record.reward},
                             {"outcome", record.outcome},
                             {"finish", record.finish},
                             {"prompt", record.prompt},
                             {"text", record.text},
                             {"tokens", record.tokens},
                             {"logprobs", record.logprobs}});
}

void Records::warmup(ordered_json line) {
  ordered_json whole{{"attempt", attempt_}};
  whole.update(line);
  append(warmup_, std::move(whole));
}

}  // namespace muster::log

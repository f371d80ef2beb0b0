#include "runtime/log/records.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::log {

using nlohmann::ordered_json;

Records::Records(const spec::RunPaths& paths, std::int64_t attempt, std::string attempt_id, bool synthetic,
                 std::function<void(const std::string&)> warn)
    : paths_(paths),
      attempt_(attempt),
      attempt_id_(std::move(attempt_id)),
      synthetic_(synthetic),
      warn_(std::move(warn)),
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

void Records::append(base::JsonLinesWriter& lines, const SampleRecord& record) {
  ordered_json line{{"step", record.step},
                    {"attempt", attempt_},
                    {"prompt_index", record.prompt_index},
                    {"sample_index", record.sample_index},
                    {"weight_version", record.weight_version},
                    {"reward", record.reward},
                    {"outcome", record.outcome}};
  if (!record.changes.empty()) line["weight_changes"] = record.changes;
  if (!record.reward_note.empty()) line["reward_note"] = record.reward_note;
  line.update({{"finish", record.finish}, {"prompt", record.prompt}, {"text", record.text}});
  if (!record.gold.empty()) line["gold"] = record.gold;
  if (ordered_json row = ordered_json::parse(record.row, nullptr, false); row.is_object()) line["row"] = std::move(row);
  line.update({{"tokens", record.tokens}, {"logprobs", record.logprobs}});
  try {
    append(lines, line);
  } catch (const Error& error) {
    if (error.kind() != base::ErrorKind::user) throw;  // another attempt owns the folder
    warn_of_samples(error.faults().front());
  }
}

void Records::warn_of_samples(const base::Fault& fault) {
  if (!has_warned_ && warn_)
    warn_(base::text(fault.where, ": ", fault.what, ": samples are left out as long as that is so"));
  has_warned_ = true;
}

void Records::sync() {
  steps_.sync();
  warmup_.sync();
  if (validation_) validation_->sync();
  try {
    samples_.sync();
    if (validation_samples_) validation_samples_->sync();
  } catch (const Error& error) {
    warn_of_samples(error.faults().front());
  }
}

std::vector<std::int64_t> missing_steps(const std::filesystem::path& steps, std::int64_t last) {
  std::vector<bool> is_there(static_cast<std::size_t>(last + 1), false);
  std::ifstream file(steps);
  for (std::string line; std::getline(file, line);) {
    const auto record = spec::step_record_of(ordered_json::parse(line, nullptr, false));
    if (record && record->step <= last) is_there[record->step] = true;
  }
  std::vector<std::int64_t> missing;
  for (std::int64_t step = 1; step <= last; ++step)
    if (!is_there[step]) missing.push_back(step);
  return missing;
}

void Records::warmup(ordered_json line) {
  ordered_json whole{{"attempt", attempt_}};
  whole.update(line);
  append(warmup_, std::move(whole));
}

}  // namespace muster::log

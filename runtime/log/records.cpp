#include "runtime/log/records.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::log {

using nlohmann::ordered_json;

Records::Records(const spec::RunPaths& paths, std::int64_t attempt, std::string attempt_id)
    : paths_(paths),
      attempt_(attempt),
      attempt_id_(std::move(attempt_id)),
      steps_(paths.steps()),
      samples_(paths.samples()),
      warmup_(paths.warmup()) {}

void Records::check_epoch() const {
  const ordered_json epoch = ordered_json::parse(base::read_file(paths_.epoch()), nullptr, false);
  const std::string current = epoch.is_object() ? epoch.value("id", "") : "";
  if (current == attempt_id_) return;
  throw Error::rank({.what = base::text("attempt ", attempt_, " (", attempt_id_, ") has been followed by another (", current, "), so it stops writing"),
                     .where = paths_.epoch().string(),
                     .fix = "nothing to do: the newer attempt owns the run"});
}

void Records::step(const spec::StepRecord& record) {
  check_epoch();
  steps_.append(spec::to_json(record));
}

void Records::sample(const SampleRecord& record) {
  check_epoch();
  samples_.append({{"step", record.step},
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
  check_epoch();
  ordered_json whole{{"attempt", attempt_}};
  whole.update(line);
  warmup_.append(whole);
}

}  // namespace muster::log

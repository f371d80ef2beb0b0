#include "launcher/records/run_records.h"

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/base/json_lines.h"
#include "runtime/base/text.h"
#include "runtime/spec/record_visitors.h"
#include "runtime/spec/start_events.h"

namespace muster::records {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLongestLine_bytes = 256 << 20;  // longer ones are none of ours
constexpr std::int64_t kLogRead_bytes = 4 << 20;       // of the writer's log at one look
constexpr std::size_t kMostWarnings = 1000;

template <class T>
void take(const ordered_json& line, const char* key, T& out) {
  if (const auto found = line.find(key); found != line.end()) spec::read_value(*found, out);
}

SampleLine sample_of(const ordered_json& line) {
  SampleLine sample;
  take(line, "step", sample.step);
  take(line, "attempt", sample.attempt);
  take(line, "prompt_index", sample.prompt_index);
  take(line, "sample_index", sample.sample_index);
  take(line, "prompt", sample.prompt);
  take(line, "text", sample.text);
  take(line, "gold", sample.gold);
  take(line, "outcome", sample.outcome);
  take(line, "reward", sample.reward);
  return sample;
}

}  // namespace

std::vector<const spec::StepRecord*> RunRecords::step_list() const {
  std::vector<const spec::StepRecord*> list;
  for (const auto& [number, step] : steps) list.push_back(&step);
  return list;
}

RecordReader::RecordReader(const spec::RunPaths& paths, std::int64_t attempt, bool earlier_too, bool samples)
    : paths_(paths),
      attempt_(attempt),
      earlier_too_(earlier_too),
      with_samples_(samples),
      steps_{.path = paths.steps()},
      samples_{.path = paths.samples()},
      warmup_{.path = paths.warmup()},
      validation_{.path = paths.validation()},
      log_(paths.rank_log(attempt, 0), 0, 64 << 10) {}

// One line at a time: a long run has many.
void RecordReader::each_new_line(Followed& file, const std::function<void(const ordered_json&)>& use) const {
  base::FollowedFile followed(file.path, file.offset, kLongestLine_bytes);
  followed.read_lines([&](std::string_view text) {
    if (text.empty()) return;
    const ordered_json line = ordered_json::parse(text, nullptr, false);
    if (!line.is_object())
      ++file.broken;
    else if (counts(line))
      use(line);
  });
  file.offset = followed.offset();
}

bool RecordReader::counts(const ordered_json& line) const {
  std::int64_t attempt = 0;
  take(line, "attempt", attempt);
  return attempt == attempt_ || (earlier_too_ && attempt < attempt_);
}

bool RecordReader::read() {
  bool changed = read_start();
  each_new_line(warmup_, [&](const ordered_json& line) {
    take_warmup(line);
    changed = true;
  });
  if (with_samples_)
    each_new_line(samples_, [&](const ordered_json& line) { changed = take_sample(sample_of(line)) || changed; });
  each_new_line(steps_, [&](const ordered_json& line) { changed = take_step(line) || changed; });
  each_new_line(validation_, [&](const ordered_json& line) {
    take_validation(spec::validation_record_of(line));
    changed = true;
  });
  tell_broken();
  return changed;
}

void RecordReader::take_warmup(const ordered_json& line) {
  std::string kind;
  std::int64_t attempt = 0;
  take(line, "kind", kind);
  take(line, "attempt", attempt);
  if (attempt != warmup_attempt_) records_.warmup = {};  // an attempt that starts again warms up again
  warmup_attempt_ = attempt;
  WarmupLines& warmup = records_.warmup;
  double reward = std::numeric_limits<double>::quiet_NaN();
  take(line, "reward", reward);
  if (kind == "sft") {
    take(line, "step", warmup.updates);
    take(line, "loss", warmup.loss);
  } else if (kind == "check") {
    warmup.checks.push_back(reward);
  } else if (kind == "start") {
    warmup.start_reward = reward;
    take(line, "prompts", warmup.start_prompts);
  }
}

bool RecordReader::take_sample(SampleLine sample) {
  std::vector<SampleLine>& of_step = records_.samples[sample.step];
  if (!of_step.empty() && of_step.front().attempt > sample.attempt) return false;
  if (!of_step.empty() && of_step.front().attempt < sample.attempt) of_step.clear();
  of_step.push_back(std::move(sample));
  return true;
}

bool RecordReader::take_step(const ordered_json& line) {
  std::optional<spec::StepRecord> step = spec::step_record_of(line);
  if (!step) {
    ++steps_.broken;
    return false;
  }
  std::map<std::int64_t, spec::StepRecord>& steps = records_.steps;
  const auto before = steps.find(step->step);
  if (before != steps.end() && before->second.attempt > step->attempt) return false;
  // An attempt that went back repeats what the one before did after this step.
  for (auto later = steps.upper_bound(step->step); later != steps.end();)
    later = later->second.attempt < step->attempt ? steps.erase(later) : std::next(later);
  const std::int64_t number = step->step;
  steps[number] = std::move(*step);
  return true;
}

// An attempt that went back evaluates again what the one before did from here on.
void RecordReader::take_validation(const spec::ValidationRecord& record) {
  std::erase_if(records_.validations,
                [&](const auto& entry) { return entry.first >= record.step && entry.second.attempt < record.attempt; });
  records_.validations[record.step] = record;
}

void RecordReader::tell_broken() {
  records_.problems.clear();
  for (const Followed* file : {&steps_, &samples_, &warmup_, &validation_}) {
    if (file->broken > 0)
      records_.problems.push_back(base::text(file->path.filename().string(), ": ", file->broken,
                                             file->broken == 1 ? " line is" : " lines are", " broken and left out"));
  }
}

bool RecordReader::read_start() {
  StartLines& start = records_.start;
  bool changed = false;
  if (records_.steps.empty()) {
    std::int64_t started = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(paths_.attempt(attempt_), error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      started += name.starts_with("rank_") && name.ends_with(".log") ? 1 : 0;
    }
    changed = started != start.ranks_started;
    start.ranks_started = started;
  }
  const auto take_line = [&](std::string_view line) {
    const auto has = [&](const std::string& room, const char* words) {
      return line.find(room + words) != std::string::npos;
    };
    const auto behind = [&](const std::string& words) {
      const std::size_t found = line.find(words);
      return found == std::string::npos ? std::string() : std::string(line.substr(found + words.size()));
    };
    changed = true;
    if (has(" rank: ", spec::kRanksMet))
      start.all_met = true;
    else if (has(" loop: ", spec::kReady))
      start.load_s = std::atof(behind(std::string(spec::kLoadSeconds) + "=").c_str());
    else if (has(" loop: ", spec::kResumesAfter))
      start.resumed_after = std::atoll(behind(spec::kResumesAfter).c_str());
    else if (has(" loop: ", spec::kWarmStartDone))
      start.warm_start_done = true;
    else if (has(" warning rank ", "") && start.warnings.size() < kMostWarnings)
      start.warnings.emplace_back(line);
  };
  log_.read_lines(take_line, kLogRead_bytes);  // rank 0 writes the records
  if (log_.unread() > 0) {
    // Of a large log the beginning tells of the start, and the end of what happens now.
    log_.skip_to_last(kLogRead_bytes);
    log_.read_lines(take_line, 2 * kLogRead_bytes);
  }
  return changed;
}

std::vector<SampleLine> newest_samples(const spec::RunPaths& paths) {
  base::FollowedFile file(paths.samples());
  file.skip_to_last(1 << 20);
  std::vector<SampleLine> samples;
  file.read_lines([&](std::string_view text) {
    const ordered_json line = ordered_json::parse(text, nullptr, false);
    if (!line.is_object()) return;
    SampleLine sample = sample_of(line);
    if (!samples.empty() && (samples.back().step != sample.step || samples.back().attempt != sample.attempt))
      samples.clear();
    samples.push_back(std::move(sample));
  });
  return samples;
}

std::vector<spec::ValidationRecord> read_validations(const spec::RunPaths& paths, std::int64_t attempt) {
  std::vector<base::Fault> broken;
  std::int64_t offset = 0;
  std::map<std::int64_t, spec::ValidationRecord> by_step;
  for (const ordered_json& line : base::read_json_lines(paths.validation(), offset, broken)) {
    const spec::ValidationRecord record = spec::validation_record_of(line);
    if (record.attempt <= attempt) by_step[record.step] = record;
  }
  std::vector<spec::ValidationRecord> records;
  for (const auto& [step, record] : by_step) records.push_back(record);
  return records;
}

}  // namespace muster::records

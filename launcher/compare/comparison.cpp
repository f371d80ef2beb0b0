#include "launcher/compare/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "launcher/page/figure_text.h"
#include "launcher/page/terminal.h"
#include "launcher/page/wrapped.h"
#include "launcher/records/step_statistics.h"
#include "runtime/base/text.h"
#include "runtime/spec/toml_reader.h"

namespace muster::compare {

using base::text;
using page::padded;
using page::padded_left;

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kLabelColumns = 34, kValueColumns = 22, kRatioColumns = 10;

std::string count_text(double value) { return text(static_cast<std::int64_t>(std::llround(value))); }
std::string memory_text(double bytes) { return base::bytes_text(static_cast<std::int64_t>(bytes)); }
std::string share_text(double value) { return base::number_text(value, 3); }

double figure_of(const Side& side, const std::string& name) {
  const auto found = side.figures.find(name);
  return found == side.figures.end() ? kUnknown : found->second;
}

/// NaN where one of both is not known or the first is 0.
double ratio_of(const Side& first, const Side& second, const std::string& name) {
  const double under = figure_of(first, name);
  return under == 0 ? kUnknown : figure_of(second, name) / under;
}

std::map<std::string, std::string> settings_of(const spec::Job& job) {
  const auto list = spec::job_differences(job);
  return {list.begin(), list.end()};
}

/// Keys whose values differ, in their order.
std::set<std::string> differing_keys(const Side& first, const Side& second) {
  std::set<std::string> keys;
  for (const auto* side : {&first, &second})
    for (const auto& [key, value] : side->settings) keys.insert(key);
  std::erase_if(keys, [&](const std::string& key) {
    const auto a = first.settings.find(key), b = second.settings.find(key);
    return a != first.settings.end() && b != second.settings.end() && a->second == b->second;
  });
  return keys;
}

std::string setting_of(const Side& side, const std::string& key, const std::string& otherwise) {
  const auto found = side.settings.find(key);
  return found == side.settings.end() ? otherwise : found->second;
}

std::string row_text(const std::string& label, const std::string& first, const std::string& second,
                     const std::string& last) {
  const page::Style style{.columns = kValueColumns, .utf8 = false};
  const auto cell = [&](const std::string& value) {
    return padded_left(page::shortened(page::harmless(value, style), kValueColumns, style), kValueColumns);
  };
  const std::string end = last.empty() ? "" : " " + padded_left(last, kRatioColumns);
  return padded(label, kLabelColumns) + " " + cell(first) + " " + cell(second) + end + "\n";
}

}  // namespace

const std::vector<FigureField>& figure_fields() {
  static const std::vector<FigureField> fields{{"steps", "", count_text},
                                               {"reward_first", "", page::reward_text},
                                               {"reward_lately", "", page::reward_text},
                                               {"held_out_pass_1", "", share_text},
                                               {"step_s", "s", page::step_seconds_text},
                                               {"generate_s", "s", page::step_seconds_text},
                                               {"reward_s", "s", page::step_seconds_text},
                                               {"logprob_s", "s", page::step_seconds_text},
                                               {"train_s", "s", page::step_seconds_text},
                                               {"refit_s", "s", page::step_seconds_text},
                                               {"tokens_per_s_per_gpu", "1/s", page::rate_text},
                                               {"generate_tokens_per_s_per_gpu", "1/s", page::rate_text},
                                               {"train_tokens_per_s_per_gpu", "1/s", page::rate_text},
                                               {"answer_tokens", "", page::rate_text},
                                               {"logprob_diff_mean", "", page::small_text},
                                               {"logprob_diff_max", "", page::small_text},
                                               {"peak_memory", "", memory_text}};
  return fields;
}

std::int64_t common_step(const records::RunRecords& first, const records::RunRecords& second) {
  if (first.steps.empty() || second.steps.empty()) return 0;
  return std::min(first.steps.rbegin()->first, second.steps.rbegin()->first);
}

Side side_of_run(const std::string& name, const spec::Job& job, const records::RunRecords& records,
                 std::int64_t last_step) {
  Side side{.name = name, .settings = settings_of(job), .figures = {}, .note = ""};
  side.figures["steps"] = static_cast<double>(records.steps.size());
  std::vector<const spec::StepRecord*> steps = records.step_list();
  std::erase_if(steps, [&](const spec::StepRecord* step) { return step->step > last_step; });
  if (steps.empty()) return side;
  side.figures["reward_first"] = steps.front()->reward;
  side.figures["step_s"] = records::recent_step_s(steps);
  for (const spec::StepRecord* step : steps) {
    double& largest = side.figures["logprob_diff_max"];
    largest = std::max(largest, step->logprob_diff_max);
    double& peak = side.figures["peak_memory"];
    peak = std::max(peak, static_cast<double>(step->peak_memory_bytes));
  }
  if (steps.size() > 1) steps.erase(steps.begin());
  if (std::ssize(steps) > records::kRecentSteps) steps.erase(steps.begin(), steps.end() - records::kRecentSteps);
  const auto mean = [&](const std::string& figure, auto value_of) {
    double sum = 0;
    for (const spec::StepRecord* step : steps) sum += value_of(*step);
    side.figures[figure] = sum / static_cast<double>(steps.size());
  };
  mean("reward_lately", [](const spec::StepRecord& step) { return step.reward; });
  mean("tokens_per_s_per_gpu", [](const spec::StepRecord& step) { return step.tokens_per_s_per_gpu; });
  mean("generate_tokens_per_s_per_gpu",
       [](const spec::StepRecord& step) { return step.generate_tokens_per_s_per_gpu; });
  mean("train_tokens_per_s_per_gpu", [](const spec::StepRecord& step) { return step.train_tokens_per_s_per_gpu; });
  mean("answer_tokens", [](const spec::StepRecord& step) { return step.mean_answer_tokens; });
  mean("logprob_diff_mean", [](const spec::StepRecord& step) { return step.logprob_diff_mean; });
  for (const char* phase : {"generate_s", "reward_s", "logprob_s", "train_s", "refit_s"})
    mean(phase, [&](const spec::StepRecord& step) {
      const auto found = step.phases.find(phase);
      return found == step.phases.end() ? 0 : found->second;
    });
  const auto after = records.validations.upper_bound(last_step);
  if (after != records.validations.begin()) side.figures["held_out_pass_1"] = std::prev(after)->second.pass_1;
  return side;
}

Side side_of_row(const rows::PublishedRow& row, const spec::Job& job) {
  Side side{.name = row.id, .settings = settings_of(job), .figures = {}, .note = ""};
  side.note = text(row.id, " has NVIDIA's figures of NeMo RL on ", row.gpus, " GPUs of ", row.system,
                   "; Muster has not measured it.");
  if (row.step_s > 0) side.figures["step_s"] = row.step_s;
  if (row.tokens_per_s_per_gpu > 0) side.figures["tokens_per_s_per_gpu"] = row.tokens_per_s_per_gpu;
  if (row.answer_tokens > 0) side.figures["answer_tokens"] = static_cast<double>(row.answer_tokens);
  return side;
}

std::string comparison_page(const Side& first, const Side& second) {
  const auto title = [](const Side& side) {  // the end of a long path tells more than its beginning
    const std::string& name = side.name;
    return std::ssize(name) <= kValueColumns ? name : ".." + name.substr(name.size() - kValueColumns + 2);
  };
  std::string out = row_text("", title(first), title(second), "2nd / 1st");
  for (const FigureField& field : figure_fields()) {
    const double a = figure_of(first, field.name), b = figure_of(second, field.name);
    if (std::isnan(a) && std::isnan(b)) continue;
    const auto shown = [&](double value) { return std::isnan(value) ? std::string("-") : field.shown(value); };
    const double ratio = ratio_of(first, second, field.name);
    out += row_text(field.name + (field.unit.empty() ? "" : ", " + field.unit), shown(a), shown(b),
                    ratio > 0.001 && ratio < 1000 ? base::number_text(ratio, 3) : "");
  }
  const std::set<std::string> keys = differing_keys(first, second);
  out += keys.empty() ? "\nno setting differs\n" : "\nsettings that differ\n";
  for (const std::string& key : keys)
    out += row_text("  " + key, setting_of(first, key, "(default)"), setting_of(second, key, "(default)"), "");
  for (const Side* side : {&first, &second})
    if (!side->note.empty()) out += "\n" + page::wrapped(side->note, 0);
  return out;
}

nlohmann::ordered_json comparison_value(const Side& first, const Side& second) {
  using nlohmann::ordered_json;
  const auto number = [](double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(); };
  ordered_json value{
      {"sides", ordered_json::array()}, {"figures", ordered_json::object()}, {"settings", ordered_json::object()}};
  for (const Side* side : {&first, &second}) value["sides"].push_back({{"name", side->name}, {"note", side->note}});
  for (const FigureField& field : figure_fields())
    value["figures"][field.name] = {{"first", number(figure_of(first, field.name))},
                                    {"second", number(figure_of(second, field.name))},
                                    {"ratio", number(ratio_of(first, second, field.name))}};
  for (const std::string& key : differing_keys(first, second)) {
    const auto setting = [&](const Side& side) {
      const auto found = side.settings.find(key);
      return found == side.settings.end() ? ordered_json() : ordered_json(found->second);
    };
    value["settings"][key] = {{"first", setting(first)}, {"second", setting(second)}};
  }
  return value;
}

}  // namespace muster::compare

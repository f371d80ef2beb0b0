#include "tests/support/same_run.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "runtime/spec/step_record.h"

namespace muster::tests {
namespace {

using nlohmann::ordered_json;

// Lines by step; where attempts repeat a step, those of the highest.
std::map<std::int64_t, std::vector<ordered_json>> lines_by_step(const std::filesystem::path& file) {
  std::map<std::int64_t, std::vector<ordered_json>> steps;
  for (ordered_json& line : base::read_json_lines(file)) {
    std::vector<ordered_json>& lines = steps[line["step"]];
    if (!lines.empty() && lines.back()["attempt"] < line["attempt"]) lines.clear();
    lines.push_back(std::move(line));
  }
  return steps;
}

}  // namespace

void expect_same_run(const spec::RunPaths& run, const spec::RunPaths& other, std::int64_t num_steps) {
  const auto steps = lines_by_step(run.steps()), others = lines_by_step(other.steps());
  ASSERT_EQ(std::ssize(steps), num_steps) << run.folder;
  ASSERT_EQ(std::ssize(others), num_steps) << other.folder;
  for (const auto& [step, lines] : steps)
    for (const spec::FieldInfo& field : spec::step_fields()) {
      const ordered_json &here = lines.back(), &there = others.at(step).back();
      if (!field.identical || !here.contains(field.name)) continue;
      EXPECT_EQ(here[field.name].dump(), there.value(field.name, ordered_json()).dump())
          << "step " << step << " " << field.name;
    }
  const auto samples = lines_by_step(run.samples()), other_samples = lines_by_step(other.samples());
  ASSERT_EQ(samples.size(), other_samples.size());
  for (auto [step, lines] : samples) {
    auto there = other_samples.at(step);
    for (ordered_json& line : lines) line.erase("attempt");
    for (ordered_json& line : there) line.erase("attempt");
    EXPECT_TRUE(lines == there) << "samples of step " << step << " differ";
  }
  const auto weights = [](const spec::RunPaths& paths) {
    return base::read_file(paths.final_model() / "model.safetensors");
  };
  EXPECT_TRUE(weights(run) == weights(other)) << "the final weights differ";
}

void expect_each_prompt_once(const spec::RunPaths& run, std::int64_t num_steps, std::int64_t prompts_per_step,
                             std::int64_t samples_per_prompt) {
  const auto steps = lines_by_step(run.samples());
  EXPECT_EQ(std::ssize(steps), num_steps) << run.folder;
  std::map<std::int64_t, std::int64_t> step_of_row;
  for (const auto& [step, lines] : steps) {
    std::map<std::int64_t, std::set<std::int64_t>> samples_of;
    for (const ordered_json& line : lines) {
      EXPECT_TRUE(samples_of[line["prompt_index"]].insert(line["sample_index"].get<std::int64_t>()).second)
          << "step " << step << " has twice " << line.dump();
    }
    EXPECT_EQ(std::ssize(samples_of), prompts_per_step) << "step " << step;
    for (const auto& [row, samples] : samples_of) {
      EXPECT_EQ(std::ssize(samples), samples_per_prompt) << "step " << step << ", row " << row;
      const auto [before, is_new] = step_of_row.emplace(row, step);
      EXPECT_TRUE(is_new) << "row " << row << " in step " << before->second << " and " << step;
    }
  }
}

}  // namespace muster::tests

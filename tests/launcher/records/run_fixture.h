// A made-up run of twelve steps, for the tests of this room: its plan, and its records as objects or as files.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "launcher/page/terminal.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/step_record.h"

namespace muster::tests {

inline spec::Plan sums_plan() {
  spec::Plan plan;
  plan.job.name = "sums";
  plan.job.model.path = "/models/smollm2";
  plan.job.grpo.steps = 12;
  plan.job.grpo.prompts_per_step = 8;
  plan.job.grpo.samples_per_prompt = 8;
  plan.train = plan.generate = spec::Degrees{.dp = 2};
  for (std::int64_t rank = 0; rank < 2; ++rank)
    plan.ranks.push_back({.rank = rank, .local_rank = rank, .train_rank = rank, .gen_rank = rank});
  return plan;
}

inline spec::StepRecord sums_step(std::int64_t step, std::int64_t attempt = 0) {
  spec::StepRecord record;
  record.step = step;
  record.attempt = attempt;
  record.step_s = 8.25;
  record.step_to_step_s = 8.5;
  record.phases = {{"generate_s", 2.125}, {"reward_s", 0.0}, {"train_s", 5.875},
                   {"refit_s", 0.125},    {"log_s", 0.0625}, {"other_s", 0.0625}};
  record.tokens_per_s_per_gpu = 1250;
  record.generate_tokens_per_s_per_gpu = 4812.4;
  record.train_tokens_per_s_per_gpu = 1733;
  record.reward = 0.125 + 0.0625 * static_cast<double>(step - 1);
  record.samples = 64;
  record.graded = 64;
  record.mean_answer_tokens = 9.5;
  record.advantage_max = 1.5;
  record.advantage_min = -1.5;
  record.losses = {-0.001 / static_cast<double>(step)};
  record.grad_norms = {1.5 / static_cast<double>(step)};
  record.logprob_diff_mean = 1.2e-6;
  record.logprob_diff_max = 3.1e-5;
  record.prob_error = 1.000001;
  record.refit_checked_tensors = 272;
  record.memory = {{"weights", 538'000'000}, {"kv_pages", 12'000'000}};
  record.memory_predicted = {{"weights", 538'000'000}, {"kv_pages", 12'500'000}};
  record.peak_memory_bytes = 1'900'000'000;
  record.slowest_rank = {{"generate", 1}, {"train", step % 3 == 0 ? 1 : 0}, {"refit", 0}};
  return record;
}

inline std::string sums_prompt(std::int64_t a, std::int64_t b) {
  return "<|im_start|>user\nWhat is " + std::to_string(a) + " + " + std::to_string(b) +
         "?<|im_end|>\n<|im_start|>assistant\n";
}

inline nlohmann::ordered_json sums_sample(std::int64_t step, std::int64_t index, std::int64_t a, std::int64_t b,
                                          const std::string& text, double reward, std::int64_t attempt = 0) {
  return {{"step", step},     {"attempt", attempt},  {"prompt_index", index}, {"sample_index", 0},
          {"reward", reward}, {"outcome", "graded"}, {"finish", "stop"},      {"prompt", sums_prompt(a, b)},
          {"text", text}};
}

/// The files of the whole run in `folder`.
inline void write_sums_run(const std::filesystem::path& folder, std::int64_t steps = 12) {
  std::filesystem::create_directories(folder / "attempt_0");
  std::ofstream steps_file(folder / "steps.jsonl"), samples_file(folder / "samples.jsonl");
  for (std::int64_t step = 1; step <= steps; ++step) steps_file << spec::to_json(sums_step(step)).dump() << "\n";
  samples_file << sums_sample(1, 3, 3, 5, "The sum of 3 and 5 is equal to 9, because 3 plus 5 is 9.", 0).dump() << "\n"
               << sums_sample(1, 4, 7, 9, "16", 1).dump() << "\n"
               << sums_sample(1, 5, 1, 1, "", 0).dump() << "\n";
  if (steps > 1)
    samples_file << sums_sample(steps, 9, 2, 2, "4", 1).dump() << "\n"
                 << sums_sample(steps, 3, 3, 5, "8", 1).dump() << "\n"
                 << sums_sample(steps, 8, 9, 9, "17", 0).dump() << "\n";
  std::ofstream(folder / "attempt_0" / "placement.toml") << spec::placement_text(
      {.attempt_id = "abc", .port = 4000, .key_file = "key", .nodes = {{0, "node1", "10.0.0.1"}}});
  for (std::int64_t rank = 0; rank < 2; ++rank)
    std::ofstream(folder / "attempt_0" / ("rank_" + std::to_string(rank) + ".exit")) << spec::exit_record_json(
        {.rank = rank, .host = "node1", .attempt_id = "abc", .peak_memory_bytes = 1'900'000'000 - rank * 50'000'000});
}

inline const page::Style kUtf8{.columns = 79, .rows = 24, .utf8 = true, .color = false};
inline const page::Style kAscii{.columns = 79, .rows = 24, .utf8 = false, .color = false};

}  // namespace muster::tests

// What the generator is asked and what it answers. Plain data: the loop hands samples to rewards and training.
#pragma once

#include <cstdint>
#include <vector>

namespace muster::generate {

enum class Finish { stop, length };

/// New weights while a sample runs: its tokens from `position` on were sampled with weights of this version.
struct WeightChange {
  std::int64_t position = 0, version = 0;
};

/// The samples wanted of one prompt. `group` numbers prompts within the step over the whole run, so that the key of a
/// sample (step, group, sample) is the same in any layout.
struct Request {
  std::int64_t group = 0;
  std::int64_t num_samples = 1;
  std::vector<std::int32_t> prompt;
  std::vector<std::int64_t> lengths = {};  // forced, of each answer (synthetic runs); empty: a stop token ends it
};

struct Sample {
  std::int64_t group = 0;
  std::int64_t index = 0;            // within its group
  std::vector<std::int32_t> tokens;  // the answer; the stop token included
  std::vector<float> logprobs;       // of each sampled token, after temperature and filters
  std::vector<float> raw_logprobs;   // after temperature, before top-k and top-p: what the trainer computes; equal to
                                     // logprobs without filters
  Finish finish = Finish::stop;
  std::int64_t weight_version = 0;         // that sampled the first token, and the others up to the first change
  std::vector<WeightChange> changes = {};  // ascending
  std::int64_t step = 0;                   // whose number keys its draws
};

}  // namespace muster::generate

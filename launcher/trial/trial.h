// A job tried where it is typed, before it waits for nodes: `muster-runtime try` reads the first rows, renders and
// measures them and has made-up answers graded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::trial {

/// The first rows of one source; lengths are tokens of prompts.
struct TriedSource {
  std::string path;
  std::int64_t rows = 0, refused = 0, too_long = 0;
  std::int64_t median = 0, p95 = 0, longest = 0;
  std::int64_t limit = 0;  // tokens that a prompt may have
  bool is_all = false;     // the source has no other rows
  std::string example;     // of a row that could not be rendered
  std::string not_tried;   // why none were read
};

struct TriedGrade {
  std::string part, answer;
  double reward = 0;
};

struct Trial {
  std::vector<TriedSource> sources;
  std::string place, prompt, gold;  // of the first good row; empty: none was read
  std::int64_t tokens = 0;
  std::vector<TriedGrade> grades;  // of made-up answers to it
};

Trial parse_trial(const std::string& json);

/// Runs it; `with_rewards` starts the reward programs too. None where muster-runtime does not lie beside this program.
/// throws: Error::user with what would end the run.
std::optional<Trial> try_plan(const spec::Plan& plan, bool with_rewards);

/// Everything, for `muster try`.
std::string trial_page(const Trial& trial);
/// The first prompt with its gold answer and its tokens, for `muster plan`.
std::string first_prompt_text(const Trial& trial);
/// What a person should look at though it ends nothing: rows that are refused, rewards that tell no answers apart.
std::vector<std::string> warnings_of(const Trial& trial);

}  // namespace muster::trial

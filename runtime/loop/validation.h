// A look at rows that are not trained on: pass@1, pass@k, mean@k and maj@k of the present weights.
#pragma once

#include <string>
#include <vector>

#include "runtime/loop/session.h"
#include "runtime/spec/validation_record.h"

namespace muster::loop {

/// pass@1, pass@k, mean@k, maj@k, lengths and outcomes of a rollout, by the first part of the reward as it was graded;
/// `answers`: the final answer of each sample (see
/// final_answer), by which votes are counted. Of answers with equally many votes the one that came first wins.
spec::ValidationRecord validation_figures(const Rollout& rollout, const std::vector<std::string>& answers);

/// What a text ends up saying: the content of its last \boxed{}, else its last number, else the text; without white
/// space. Two samples vote together when these are equal.
std::string final_answer(const std::string& text);
/// The final answer of the part of a reply that is graded; empty where there is none.
std::string vote(const std::string& reply, const std::string& kind, const reward::GradeSettings& settings);

class Validation {
 public:
  /// Takes its prompts, the first validate.prompts good ones of the rows that are held out; of all rows where no step
  /// trains. Nothing when the job never looks.
  explicit Validation(Session& session);

  /// Is there a look after this step (0: before the first)?
  bool is_due(std::int64_t step) const;
  /// The same prompts and the same noise at every look. `records` is null but on the writer rank. collective: world.
  spec::ValidationRecord look(std::int64_t step, log::Records* records);

 private:
  Session& session_;
  std::vector<StepPrompt> prompts_;
};

}  // namespace muster::loop

#include "runtime/spec/other_trainers.h"

#include <map>

namespace muster::spec {

std::string name_of_other_trainers(const std::string& name) {
  static const std::map<std::string, std::string> names{{"learning_rate", "lr"},
                                                        {"lr_scheduler_type", "schedule"},
                                                        {"max_steps", "steps"},
                                                        {"num_generations", "samples_per_prompt"},
                                                        {"num_generations_per_prompt", "samples_per_prompt"},
                                                        {"num_prompts_per_step", "prompts_per_step"},
                                                        {"max_completion_length", "max_new_tokens"},
                                                        {"max_total_sequence_length", "max_sequence_tokens"},
                                                        {"model_name", "path"},
                                                        {"beta", "kl_weight"},
                                                        {"kl_coef", "kl_weight"},
                                                        {"reference_policy_kl_penalty", "kl_weight"},
                                                        {"save_steps", "every"}};
  const auto found = names.find(name);
  return found == names.end() ? "" : found->second;
}

}  // namespace muster::spec

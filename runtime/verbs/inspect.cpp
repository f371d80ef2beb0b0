// `inspect`: config.json and the headers of the weights, as one JSON object.
#include "runtime/verbs/inspect.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/base/json_text.h"
#include "runtime/spec/facts_schema.h"
#include "runtime/spec/parameters.h"
#include "runtime/weights/model_folder.h"

namespace muster::verbs {

using nlohmann::ordered_json;

int inspect_model(const std::filesystem::path& folder) {
  const spec::ModelFacts facts = spec::read_model_facts(folder);
  const weights::FolderReport report = weights::check_weights(folder, facts);
  const auto flops = [&](std::int64_t tokens) {
    const auto count = static_cast<double>(tokens);
    return spec::training_flops(facts, count) / count;
  };
  ordered_json object{{"family", spec::choice_name(facts.family)},
                      {"parameters", spec::parameter_count(facts)},
                      {"bytes", report.bytes},
                      {"hidden_size", facts.hidden_size},
                      {"num_layers", facts.num_layers},
                      {"num_heads", facts.num_heads},
                      {"num_kv_heads", facts.num_kv_heads},
                      {"head_dim", facts.head_dim},
                      {"intermediate_size", facts.intermediate_size},
                      {"vocab_size", facts.vocab_size},
                      {"max_position_embeddings", facts.max_position_embeddings},
                      {"tied_embeddings", facts.tied_embeddings},
                      // Per token of a sequence of so many tokens; forward is a third of forward and backward.
                      {"flops_per_token",
                       {{"sequence_tokens", facts.max_position_embeddings},
                        {"forward", flops(facts.max_position_embeddings) / 3},
                        {"training", flops(facts.max_position_embeddings)}}}};
  if (facts.num_experts > 0) {
    object["active_parameters"] = spec::active_parameter_count(facts);
    object["num_experts"] = facts.num_experts;
    object["experts_per_token"] = facts.experts_per_token;
    object["expert_intermediate_size"] = facts.expert_intermediate_size;
    object["layers_without_experts"] = std::ssize(facts.dense_layers);
  }
  if (!report.notes.empty()) object["notes"] = report.notes;
  std::printf("%s\n", base::json_text(object, 2).c_str());
  return 0;
}

}  // namespace muster::verbs

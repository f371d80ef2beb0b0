// Whether the sizes of a model can be those of one.
#include "runtime/spec/model_facts.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <utility>

#include "runtime/base/text.h"
#include "runtime/spec/facts_schema.h"

namespace muster::spec {

using base::text;

namespace {

bool has_every_size(const ModelFacts& facts) {
  std::vector<std::int64_t> needed{facts.hidden_size,
                                   facts.num_layers,
                                   facts.num_heads,
                                   facts.num_kv_heads,
                                   facts.head_dim,
                                   facts.vocab_size,
                                   facts.max_position_embeddings};
  const bool is_hybrid = facts.family == Family::nemotron_h;
  const bool has_dense = is_hybrid
                             ? facts.layer_pattern.find('-') != std::string::npos
                             : facts.num_experts == 0 || facts.num_dense_layers > 0 || !facts.dense_layers.empty();
  if (has_dense) needed.push_back(facts.intermediate_size);
  if (facts.num_experts > 0) needed.insert(needed.end(), {facts.experts_per_token, facts.expert_intermediate_size});
  if (facts.family == Family::deepseek_v3)
    needed.insert(needed.end(), {facts.kv_lora_rank, facts.qk_nope_head_dim, facts.qk_rope_head_dim, facts.v_head_dim});
  if (is_hybrid)
    needed.insert(needed.end(), {facts.mamba_num_heads, facts.mamba_head_dim, facts.mamba_state_size,
                                 facts.mamba_num_groups, facts.mamba_conv_kernel});
  return std::all_of(needed.begin(), needed.end(), [](std::int64_t size) { return size > 0; });
}

// Far beyond any model, and small enough that nothing that is counted from them overflows or takes long.
constexpr std::int64_t kMostLayers = 10'000;
constexpr std::int64_t kLargestWidth = 10'000'000, kLargestVocabulary = 100'000'000;
constexpr std::int64_t kMostExperts = 100'000, kMostTensors = 2'000'000;
constexpr double kMostParameters = 1e15;

/// Parameters of the largest blocks, too many rather than too few, in floating point: any sizes may be asked for.
double rough_parameters(const ModelFacts& facts) {
  const auto times = [](std::initializer_list<std::int64_t> sizes) {
    double product = 1;
    for (const std::int64_t size : sizes) product *= static_cast<double>(size);
    return product;
  };
  const std::int64_t width = facts.hidden_size;
  const double heads = times({width, facts.num_heads, facts.head_dim + facts.v_head_dim}) +
                       times({width, facts.num_kv_heads, facts.head_dim});
  const double blocks = times({3, width, facts.intermediate_size + facts.shared_intermediate_size}) +
                        times({3, width, facts.num_experts, facts.expert_intermediate_size});
  const double mamba = times({3, width, facts.mamba_num_heads, facts.mamba_head_dim}) +
                       times({2, width, facts.mamba_num_groups, facts.mamba_state_size});
  return static_cast<double>(facts.num_layers) * (2 * heads + blocks + mamba) + times({2, width, facts.vocab_size});
}

/// Sizes that no model has. Nothing may be counted or listed before this was asked.
std::vector<std::string> absurd_sizes(const ModelFacts& facts) {
  std::vector<std::string> found;
  const auto add_if = [&found](bool is_wrong, const auto&... parts) {
    if (is_wrong) found.push_back(text(parts...));
  };
  const auto limit = [&](const char* name, std::int64_t size, std::int64_t most) {
    add_if(size > most, name, " is ", size, "; Muster has models of at most ", most);
  };
  limit("num_hidden_layers", facts.num_layers, kMostLayers);
  add_if(facts.layer_pattern.size() > static_cast<std::size_t>(kMostLayers), "the layer pattern has ",
         facts.layer_pattern.size(), " letters; Muster has models of at most ", kMostLayers, " layers");
  limit("vocab_size", facts.vocab_size, kLargestVocabulary);
  limit("the number of experts", facts.num_experts, kMostExperts);
  for (const auto& [name, size] : std::initializer_list<std::pair<const char*, std::int64_t>>{
           {"hidden_size", facts.hidden_size},
           {"num_attention_heads", facts.num_heads},
           {"num_key_value_heads", facts.num_kv_heads},
           {"the width of a head", std::max(facts.head_dim, facts.v_head_dim)},
           {"intermediate_size", facts.intermediate_size},
           {"moe_intermediate_size", facts.expert_intermediate_size},
           {"the width of the shared experts", facts.shared_intermediate_size},
           {"moe_latent_size", facts.expert_latent_size},
           {"q_lora_rank", facts.q_lora_rank},
           {"kv_lora_rank", facts.kv_lora_rank},
           {"the width of a Mamba layer", std::max({facts.mamba_num_heads, facts.mamba_head_dim, facts.mamba_num_groups,
                                                    facts.mamba_state_size, facts.mamba_conv_kernel})}})
    limit(name, size, kLargestWidth);
  if (!found.empty()) return found;
  add_if(facts.num_layers * (20 + 3 * facts.num_experts) > kMostTensors, facts.num_layers, " layers with ",
         facts.num_experts, " experts have more than ", kMostTensors, " tensors");
  add_if(rough_parameters(facts) > kMostParameters, "these sizes give about ", rough_parameters(facts),
         " parameters; Muster has models of at most ", kMostParameters);
  return found;
}

}  // namespace

std::vector<std::string> contradictions(const ModelFacts& facts) {
  std::vector<std::string> found = absurd_sizes(facts);
  if (!found.empty()) return found;
  const auto add_if = [&found](bool is_wrong, const auto&... parts) {
    if (is_wrong) found.push_back(text(parts...));
  };
  const char* family = choice_name(facts.family);
  const bool is_hybrid = facts.family == Family::nemotron_h;
  const bool may_have_experts = is_hybrid || facts.family == Family::qwen3_moe || facts.family == Family::deepseek_v3;
  add_if(may_have_experts && !is_hybrid && facts.num_experts == 0, family, " without experts");
  add_if(!may_have_experts && facts.num_experts > 0, family, " with ", facts.num_experts, " experts");
  add_if((facts.family == Family::deepseek_v3) != (facts.kv_lora_rank > 0), family, " with kv_lora_rank ",
         facts.kv_lora_rank);
  add_if(is_hybrid && std::ssize(facts.layer_pattern) != facts.num_layers, facts.num_layers,
         " layers, but the pattern \"", facts.layer_pattern, "\" has ", facts.layer_pattern.size());
  add_if(facts.layer_pattern.find_first_not_of("M*E-") != std::string::npos, "the layer pattern \"",
         facts.layer_pattern, "\" holds other letters than M, *, E and -");
  add_if(is_hybrid && facts.num_experts == 0 && facts.layer_pattern.find('E') != std::string::npos,
         "the layer pattern has experts, but their number is 0");
  add_if(found.empty() && !has_every_size(facts), "not every size of the model is there");
  if (!found.empty()) return found;
  add_if(facts.num_heads % facts.num_kv_heads != 0, facts.num_heads, " query heads are no multiple of ",
         facts.num_kv_heads, " key/value heads");
  add_if(facts.head_dim % 2 != 0, "head_dim is ", facts.head_dim, ", but rotary positions need an even one");
  add_if(facts.kv_lora_rank > 0 && facts.head_dim != facts.qk_nope_head_dim + facts.qk_rope_head_dim, "head_dim is ",
         facts.head_dim, ", but its parts are ", facts.qk_nope_head_dim, " and ", facts.qk_rope_head_dim);
  add_if(facts.num_dense_layers > facts.num_layers, facts.num_dense_layers, " of ", facts.num_layers,
         " layers are dense");
  add_if(std::adjacent_find(facts.dense_layers.begin(), facts.dense_layers.end(), std::greater_equal<>()) !=
                 facts.dense_layers.end() ||
             (!facts.dense_layers.empty() &&
              (facts.dense_layers.front() < 0 || facts.dense_layers.back() >= facts.num_layers)),
         "dense_layers are not ascending layers of ", facts.num_layers);
  add_if(facts.experts_per_token > facts.num_experts, facts.experts_per_token, " of ", facts.num_experts,
         " experts see a token");
  add_if(facts.num_experts > 0 &&
             (facts.num_experts % facts.num_expert_groups != 0 || facts.top_expert_groups > facts.num_expert_groups),
         facts.num_experts, " experts in ", facts.num_expert_groups, " groups, of which ", facts.top_expert_groups,
         " are looked at");
  add_if(found.empty() && facts.num_experts > 0 &&
             facts.experts_per_token > facts.num_experts / facts.num_expert_groups * facts.top_expert_groups,
         facts.experts_per_token, " experts see a token, but ", facts.top_expert_groups, " groups of ",
         facts.num_experts / std::max<std::int64_t>(facts.num_expert_groups, 1), " have fewer");
  add_if(facts.family == Family::qwen3_moe &&
             (facts.shared_intermediate_size > 0 || facts.router_sigmoid || facts.num_expert_groups != 1 ||
              facts.top_expert_groups != 1 || facts.expert_weights_scale != 1 || facts.num_dense_layers > 0),
         family, " has no shared experts, no groups of experts, and scores by a softmax without a scale");
  add_if(!facts.dense_layers.empty() && facts.family != Family::qwen3_moe, family, " with dense_layers");
  add_if(facts.expert_latent_size > 0 && !is_hybrid, family, " with moe_latent_size ", facts.expert_latent_size);
  add_if((facts.rope_linear ? 1 : 0) + (facts.rope_llama3 ? 1 : 0) + (facts.rope_yarn ? 1 : 0) > 1,
         "the positions are scaled in more than one way");
  add_if(is_hybrid && facts.mamba_num_heads % facts.mamba_num_groups != 0, facts.mamba_num_heads,
         " Mamba heads are no multiple of ", facts.mamba_num_groups, " groups");
  return found;
}

}  // namespace muster::spec

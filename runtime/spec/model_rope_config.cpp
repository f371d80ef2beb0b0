// The positions of a model from its config.json.
// source: transformers 5.24, modeling_rope_utils: the object of the key that holds, what its keys default to, and which
// of them count.
#include "runtime/base/text.h"
#include "runtime/spec/config_reader.h"

namespace muster::spec {

using base::text;
using nlohmann::json;

namespace {

/// The object that says how positions are scaled; an empty one where none does.
const json& rope_object(ConfigReader& reader) {
  static const json none = json::object();
  const auto named = [&](const char* key) -> const json& {
    if (!reader.has(key)) return none;
    if (reader.config()[key].is_object()) return reader.config()[key];
    reader.fault(text("\"", key, "\" is ", reader.config()[key].dump()), "must be an object or null");
    return none;
  };
  const json &published = named("rope_scaling"), &newest = named("rope_parameters");
  if (!published.empty() && !newest.empty())
    reader.fault(
        "has both rope_scaling and rope_parameters: transformers 5 takes rope_scaling for all of them, and so "
        "drops rope_theta and the rest of rope_parameters",
        "write all keys into rope_parameters and take rope_scaling out");
  return newest.empty() ? published : newest;
}

void check_rotated_share(ConfigReader& reader, const json& rope) {
  for (const json* from : {&reader.config(), &rope}) {
    double share = 1;
    reader.number(*from, "partial_rotary_factor", share, false, true);
    if (share != 1)
      return reader.fault(text("partial_rotary_factor is ", share),
                          "Muster turns whole heads: take a model with partial_rotary_factor = 1");
  }
}

void read_original_positions(ConfigReader& reader, const json& rope, ModelFacts& facts) {
  constexpr const char* kKey = "original_max_position_embeddings";
  const json& from = reader.has(kKey) ? reader.config() : rope;
  double positions = static_cast<double>(facts.max_position_embeddings);
  reader.number(from, kKey, positions, false);
  facts.rope_original_positions = static_cast<std::int64_t>(positions);
}

void read_yarn(ConfigReader& reader, const json& rope, ModelFacts& facts) {
  reader.number(rope, "beta_fast", facts.rope_beta_fast, false);
  reader.number(rope, "beta_slow", facts.rope_beta_slow, false);
  reader.number(rope, "mscale", facts.rope_mscale, false, true);
  reader.number(rope, "mscale_all_dim", facts.rope_mscale_all_dim, false, true);
  reader.number(rope, "attention_factor", facts.rope_attention_factor, false);
  if (!rope.contains("truncate") || rope["truncate"].is_null()) return;
  if (!rope["truncate"].is_boolean())
    return reader.fault(text("\"truncate\" is ", rope["truncate"].dump()), "must be true or false");
  facts.rope_truncate = rope["truncate"].get<bool>();
}

}  // namespace

void read_rope(ConfigReader& reader, ModelFacts& facts) {
  if (facts.family == Family::nemotron_h) return;  // its attention has no positions
  const json& rope = rope_object(reader);
  for (const auto& [key, value] : rope.items())
    if (value.is_object())
      return reader.fault(text("the positions differ by kind of layer (\"", key, "\")"),
                          "Muster has one kind of positions for all layers");
  const json& with_theta = rope.contains("rope_theta") ? rope : reader.config();
  reader.number(with_theta, "rope_theta", facts.rope_theta, false);
  check_rotated_share(reader, rope);
  std::string kind = reader.word(rope, "rope_type");
  if (kind.empty()) kind = reader.word(rope, "type");
  if (kind.empty() || kind == "default") return;
  facts.rope_linear = kind == "linear";
  facts.rope_llama3 = kind == "llama3";
  facts.rope_yarn = kind == "yarn";
  if (!facts.rope_linear && !facts.rope_llama3 && !facts.rope_yarn)
    return reader.fault(text("rope_type is \"", kind, "\""), "Muster has default, linear, llama3 and yarn");
  reader.number(rope, "factor", facts.rope_factor, true);
  if (facts.rope_linear) return;
  read_original_positions(reader, rope, facts);
  if (facts.rope_yarn) return read_yarn(reader, rope, facts);
  reader.number(rope, "low_freq_factor", facts.rope_low_freq_factor, true);
  reader.number(rope, "high_freq_factor", facts.rope_high_freq_factor, true);
}

}  // namespace muster::spec

// What the loop takes from the folder of the model: its weights, and the tokens that end an answer.
#pragma once

#include <vector>

#include "runtime/data/tokenizer.h"
#include "runtime/loop/context.h"
#include "runtime/weights/shard_store.h"

namespace muster::loop {

/// Fills the store of one role from model.path; what is read otherwise than config.json has it is reported once, as
/// warnings. throws: as weights::load_weights.
void load_model(const RankContext& context, parallel::Mesh& mesh, weights::ShardStore& store);

/// Tokens that end an answer: those of sampling.stop, by their text; without it the model's own, which are those of
/// generation_config.json (else config.json) and the tokenizer's eos_token. None in a synthetic run. The writer reports
/// an end token that the tokenizer alone names. throws: Error::user.
std::vector<std::int32_t> stop_tokens_of(const RankContext& context, const data::Tokenizer& tokenizer);

}  // namespace muster::loop

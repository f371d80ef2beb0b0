// Weights and end tokens of a model's folder, with a word about what is unusual in it.
#include "runtime/loop/from_folder.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/answer_lengths.h"
#include "runtime/weights/model_folder.h"

namespace muster::loop {

void load_model(const RankContext& context, parallel::Mesh& mesh, weights::ShardStore& store) {
  const std::vector<std::string> notes = weights::load_weights(context.job().model.path, context.plan.model, store);
  if (mesh.role().rank() != 0) return;
  for (const std::string& note : notes) context.console.warn("weights", note);
}

namespace {

std::vector<std::int32_t> tokens_of_the_job(const spec::Job& job, const data::Tokenizer& tokenizer) {
  std::vector<std::int32_t> tokens;
  for (const std::string& text : job.sampling.stop) {
    const std::optional<std::int32_t> token = tokenizer.token_id(text);
    if (!token)
      throw Error::user({.what = base::text("'", text, "' of sampling.stop is no token of the model"),
                         .where = job.model.path,
                         .fix = "give tokens by their exact text, such as \"<|im_end|>\""});
    tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace

std::vector<std::int32_t> stop_tokens_of(const RankContext& context, const data::Tokenizer& tokenizer) {
  const spec::Plan& plan = context.plan;
  if (spec::is_synthetic(plan.job)) return {};
  std::vector<std::int32_t> tokens = tokens_of_the_job(plan.job, tokenizer);
  if (!tokens.empty()) return tokens;
  for (const std::int64_t token : plan.model.end_tokens) tokens.push_back(static_cast<std::int32_t>(token));
  const std::optional<std::int32_t> own = tokenizer.end_token();
  if (own && std::find(tokens.begin(), tokens.end(), *own) == tokens.end()) {
    if (!tokens.empty() && context.is_writer())
      context.console.warn(
          "loop", base::text("answers also end at the tokenizer's eos_token '", tokenizer.bytes_of(*own, false), "' (",
                             *own, "), which config.json and generation_config.json do not name"));
    tokens.push_back(*own);
  }
  if (tokens.empty())
    throw Error::user(
        {.what = "the model names no end token", .where = plan.job.model.path, .fix = "set sampling.stop"});
  return tokens;
}

}  // namespace muster::loop

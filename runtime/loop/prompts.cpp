// Rows of the job's data as prompts, by the cursor of a source.
#include "runtime/loop/prompts.h"

#include "runtime/spec/data_identity.h"

namespace muster::loop {

data::PromptSource open_prompts(const RankContext& context, const data::Tokenizer& tokenizer, std::uint64_t seed,
                                data::Part part) {
  const spec::Job& job = context.job();
  const auto identity = spec::read_data_identity(context.paths().folder);
  return data::PromptSource(job.data, tokenizer,
                            {.seed = seed,
                             .max_sequence_tokens = job.grpo.max_sequence_tokens,
                             .part = part,
                             .index_folder = context.paths().data(),
                             .model = job.model.path,
                             .data_has_changed = identity && identity->accepted_changes > 0});
}

std::vector<StepPrompt> next_prompts(data::PromptSource& source, std::int64_t count) {
  std::vector<StepPrompt> prompts;
  for (data::Prompt& prompt : source.next_prompts(count))
    prompts.push_back({.row = prompt.row,
                       .tokens = std::move(prompt.tokens),
                       .text = std::move(prompt.text),
                       .gold = std::move(prompt.gold),
                       .json = std::move(prompt.json)});
  return prompts;
}

}  // namespace muster::loop

// The parts of a session, each made of those before it.
#include "runtime/loop/session.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/builtin_tasks.h"
#include "runtime/loop/from_folder.h"
#include "runtime/loop/prompts.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::loop {
namespace {

data::Tokenizer tokenizer_of(const spec::Plan& plan) {
  const std::string& path = plan.job.model.path;
  if (path.empty()) return data::byte_tokenizer();
  data::Tokenizer tokenizer = data::Tokenizer::read(path);
  if (tokenizer.vocabulary_size() > plan.model.vocab_size)
    throw Error::user({.what = base::text("the tokenizer has ", tokenizer.vocabulary_size(),
                                          " tokens, but the model's vocabulary has ", plan.model.vocab_size),
                       .where = path,
                       .fix = "tokenizer.json and config.json belong to different models"});
  return tokenizer;
}

std::unique_ptr<log::Records> open_records(const RankContext& context) {
  std::unique_ptr<log::Records> records;
  const log::Console& console = context.console;
  if (context.is_writer() && !context.rehearses())
    records = std::make_unique<log::Records>(
        context.paths(), context.placement.attempt, context.placement.attempt_id, spec::is_synthetic(context.job()),
        [&console](const std::string& sentence) { console.warn("log", sentence); });
  if (spec::is_synthetic(context.job()))
    console.info("loop", "synthetic run: forced lengths, random rewards; it teaches nothing");
  return records;
}

}  // namespace

Session::Session(RankContext& given)
    : context(given),
      tokenizer(tokenizer_of(context.plan)),
      stop_tokens(stop_tokens_of(context, tokenizer)),
      source(open_prompts(context, tokenizer, context.job().seed)),
      records(open_records(context)),
      policy(context, stop_tokens),
      grading(context.job(), context.env.reward_fds, tokenizer),
      checkpoints(context, policy, records.get()),
      generator(context, policy, grading),
      trainer(context, policy) {}

}  // namespace muster::loop

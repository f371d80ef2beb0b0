// muster-runtime: what runs on a node and needs no tensors. `node` is the node agent, `reward` a reward worker, text
// verbs convert JSON lines; every other verb (score, generate, check, ...) is muster-rank's, which lies beside it and
// takes the same words.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/inherited.h"
#include "runtime/base/limited_log.h"
#include "runtime/base/process.h"
#include "runtime/base/system_error.h"
#include "runtime/base/text.h"
#include "runtime/index_verb.h"
#include "runtime/node/agent.h"
#include "runtime/node/verb.h"
#include "runtime/reward/worker.h"
#include "runtime/text_verbs.h"
#include "runtime/try_verb.h"
#include "runtime/verb_options.h"

namespace muster {
namespace {

constexpr const char* kUsage =
    "usage: muster-runtime node --plan PLAN --placement PLACEMENT [--slot S]   the node agent (started by muster)\n"
    "       muster-runtime reward --fd N --timeout-s T --max-memory-gb G         a reward worker (started by the "
    "agent)\n"
    "       muster-runtime tokenize --model DIR --input F --output F   {id, text} -> {id, tokens}; F may be -\n"
    "       muster-runtime detokenize --model DIR --input F --output F {id, tokens} -> {id, text}\n"
    "       muster-runtime render --model DIR --input F --output F     {id, messages} -> {id, text} by its chat "
    "template\n"
    "       muster-runtime grade --kind K --input F --output F         {id, gold, answer} -> {id, reward, outcome}\n"
    "                      [--answer after_thinking|all] [--thinking-tags think,reasoning] [--pattern P] [--command "
    "C]\n"
    "       muster-runtime score|generate|gradients --model DIR --input F --output F [--dtype fp32|bf16] [--ranks N]\n"
    "                      [--max-new-tokens N --temperature T --top-p P --seed S] [--train.tp 3 ...]\n"
    "       muster-runtime index --plan PLAN                           where the rows of a run stand, their tokens\n"
    "       muster-runtime try --plan PLAN --output F                   first rows, made-up answers (muster try)\n"
    "       muster-runtime export --run DIR --step N --output DIR      a checkpoint as a model folder (muster export)\n"
    "       muster-runtime inspect --model DIR                         family, parameters, bytes, FLOPs per token\n"
    "       muster-runtime check                                       does this machine compute what it should\n"
    "       muster-runtime --version\n";

int node(const std::vector<std::string>& words) {
  const VerbOptions options(words, {"plan", "placement", "slot"});
  const spec::Plan plan = spec::read_plan(options.at("plan"));
  const spec::Placement placement = spec::read_placement(options.at("placement"));
  const std::int64_t slot = options.has("slot") ? options.number<std::int64_t>("slot") : node::own_slot(placement);
  // The starter has opened the same file for us, without a limit.
  const base::LimitedOutput output(spec::RunPaths{plan.run_folder}.node_log(placement.attempt, slot),
                                   plan.job.log.max_mb * 1'000'000);
  return node::run_agent(plan, placement,
                         {.slot = slot,
                          .plan = options.at("plan"),
                          .placement = options.at("placement"),
                          .binaries = base::executable_folder()});
}

[[noreturn]] void become_rank(char** arguments) {
  const std::string rank = (base::executable_folder() / "muster-rank").string();
  ::execv(rank.c_str(), arguments);
  throw Error::user({.what = base::text("cannot start muster-rank: ", std::strerror(errno)),
                     .where = rank,
                     .fix = "build it with WITH_RUNTIME=ON"});
}

int run(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    std::fputs(kUsage, words.empty() ? stderr : stdout);
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    std::printf("muster-runtime %s\n", MUSTER_VERSION);
    return 0;
  }
  if (words[0] == "node") return node(words);
  if (words[0] == "tokenize") return tokenize(words);
  if (words[0] == "detokenize") return detokenize(words);
  if (words[0] == "render") return render(words);
  if (words[0] == "grade") return grade(words);
  if (words[0] == "index") return index_data(words);
  if (words[0] == "try") return try_job(words);
  if (node::needs_ranks(words[0])) return node::run_ranks_verb(words);
  if (words[0] == "reward") {
    // Signals to the whole job are the ranks' affair; a worker ends when its rank has closed the other end.
    for (const int signal : {SIGUSR2, SIGINT, SIGTERM, SIGPIPE}) ::signal(signal, SIG_IGN);
    return reward::reward_main({words.begin() + 1, words.end()});
  }
  become_rank(arguments);
}

}  // namespace
}  // namespace muster

int main(int count, char** arguments) {
  muster::base::repair_inherited_state();
  try {
    return muster::run(count, arguments);
  } catch (const std::exception& exception) {
    const muster::Error error = muster::base::error_of(exception);
    std::fprintf(stderr, "muster-runtime: %s\n", error.what());
    return error.exit_code();
  }
}

// muster: the verbs, one line each.
#include <cstdio>

#include "launcher/cli/completion.h"
#include "launcher/cli/verbs.h"
#include "launcher/doctor/doctor.h"
#include "launcher/health/node_step.h"
#include "launcher/probe/cluster_verb.h"
#include "launcher/rehearse/rehearse.h"
#include "launcher/run/evaluate.h"
#include "launcher/run/run.h"
#include "launcher/selftest/selftest.h"
#include "launcher/stacks/stacks.h"
#include "launcher/status/status.h"
#include "launcher/submit/submit.h"
#include "launcher/supervise/supervise.h"
#include "launcher/tune/tune.h"
#include "launcher/watch/watch.h"
#include "runtime/base/inherited.h"

namespace {

muster::cli::Verb old_verb(std::string name, std::string usage, std::string summary, std::string example,
                           std::vector<std::string> flags, std::size_t max_words,
                           std::function<int(const muster::cli::Options&)> run, bool is_for_people = true,
                           bool prints_its_answer = true) {
  return muster::cli::make_old_verb({std::move(name), std::move(usage), std::move(summary), std::move(example),
                                     max_words, is_for_people, prints_its_answer},
                                    std::move(flags), std::move(run));
}

}  // namespace

int main(int argc, char** argv) {
  using namespace muster;
  base::repair_inherited_state();
  std::vector<cli::Verb> verbs{
      old_verb("plan", "JOB [--cluster C] [--set key=value]...",
               "what a job would be: allocation, mesh, ranks, environment, memory",
               "muster plan smollm2-135m-sums --set train.dp=4 --set gen.dp=4",
               {"cluster", "set", "json", "resolved", "schedule", "user"}, 1, cli::run_plan),
      rehearse::rehearse_verb(),
      tune::tune_verb(),
      old_verb("rows", "[WORD]... [--runs] [--sort FIELD] [--json]",
               "the rows that NVIDIA published for NeMo RL and the job of each; ROW alone shows one in full",
               "muster rows v0.5 llama 16 --sort tokens_per_s_per_gpu", {"runs", "sort", "json"}, 16, cli::run_rows),
      run::run_verb(),
      run::evaluate_verb(),
      submit::submit_verb(),
      probe::cluster_verb(),
      doctor::doctor_verb(),
      health::check_node_verb(),
      status::status_verb(),
      watch::watch_verb(),
      status::logs_verb(),
      stacks::stacks_verb(),
      status::cancel_verb(),
      supervise::supervise_verb(),
      selftest::selftest_verb(),
      old_verb("keys", "[WORD]... [--steps | --cluster | --personal] [--json]",
               "the keys of job, cluster and personal files that are about WORD, with type, unit, default and meaning",
               "muster keys kl", {"steps", "cluster-keys", "personal", "json"}, 16, cli::run_keys),
  };
  verbs.push_back(old_verb("completion", "bash | zsh | fish",
                           "prints what makes a shell complete verbs, options, jobs, clusters, keys and runs",
                           "source <(muster completion bash)", {}, 1, [&verbs](const cli::Options& typed) {
                             const std::string shell = typed.words.empty() ? "" : typed.words[0];
                             std::fputs(cli::completion_text(shell, verbs).c_str(), stdout);
                             return 0;
                           }));
  return cli::run_command_line({argv + 1, argv + argc}, verbs);
}

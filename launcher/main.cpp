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
      old_verb("rehearse", "JOB [--cluster C] [--rank R | --all-kinds] [--lengths RULE] [--experts RULE] [--json]",
               "one step of a rank of any plan, with the real loop and without data: memory, FLOPs, collectives",
               "muster rehearse grpo-llama3.1-8b-16xh100-megatron --cluster dgx-h100 --all-kinds",
               {"cluster", "set", "rank", "all-kinds", "lengths", "experts", "json"}, 1, rehearse::rehearse_verb),
      old_verb("tune", "JOB --cluster C [--set key=value]...",
               "layouts of a job on as many GPUs, ranked by their estimated speed; each as the --set that makes it",
               "muster tune v0.6-grpo-deepseek-v3-512xh100 --cluster dgx-h100", {"cluster", "set"}, 1, tune::tune_verb),
      old_verb("rows", "[WORD]... [--runs] [--sort FIELD] [--json]",
               "the rows that NVIDIA published for NeMo RL and the job of each; ROW alone shows one in full",
               "muster rows v0.5 llama 16 --sort tokens_per_s_per_gpu", {"runs", "sort", "json"}, 16, cli::run_rows),
      old_verb("run", "JOB [--run-dir DIR] [--detach] [--set key=value]... | --plan FILE | --run-dir DIR",
               "runs a job here, or across the nodes of the allocation it is called in",
               "muster run smollm2-135m-sums --set grpo.steps=20",
               {"cluster", "set", "run-dir", "run-root", "plan", "new-binaries", "data-changed", "preflight", "detach"},
               1, run::run_verb, true, false),
      old_verb("evaluate", "JOB [--model DIR] [--set key=value]...",
               "looks at a model with the job's held-out rows and reward: pass@1, mean@k, maj@k; nothing is trained",
               "muster evaluate my-job.toml --model runs/my-job/model --set validate.samples_per_prompt=8",
               {"cluster", "set", "run-dir", "model"}, 1, run::evaluate_verb),
      old_verb(
          "submit", "JOB --cluster C [--run-dir DIR] [--set key=value]...",
          "checks everything, writes the run folder, submits with sbatch",
          "muster submit my-job.toml --cluster dgx-h100",
          {"cluster", "set", "run-dir", "new-binaries", "data-changed", "preflight", "user"}, 1,
          [](const cli::Options& typed) { return submit::submit_verb(typed); }, true, false),
      old_verb("cluster", "show FILE | probe [--partition P] [--output FILE] | diff FILE",
               "a cluster file: draw a node, write one from the live Slurm, compare the two",
               "muster cluster show dgx-h100", {"partition", "output"}, 2,
               [](const cli::Options& typed) { return probe::cluster_verb(typed); }),
      old_verb("doctor", "[--cluster C] [--submit] [--json]",
               "what will not work on this cluster, and what to do: here, and with --submit on a node",
               "muster doctor --cluster dgx-h100 --submit", {"cluster", "submit", "json", "user"}, 0,
               doctor::doctor_verb),
      old_verb(
          "check-node", "WANTED", "the doctor's look at the node that it runs on", "", {}, 1,
          [](const cli::Options& typed) { return health::check_node_verb(typed.words); }, false),
      old_verb("status", "[RUN] [--json]",
               "what a run is doing: by run folder or job id, or the newest run; ends with the run's exit code",
               "muster status", {"json"}, 1, status::status_verb),
      old_verb("watch", "[RUN]...",
               "runs live in a terminal, from their files alone: a list, and one in detail with plots",
               "muster watch runs/my-job-20261125-184206 4711", {}, 64, watch::watch_verb),
      old_verb("logs", "[RUN] [-f] [--rank R]", "what a rank wrote; -f follows: the progress, or with --rank that log",
               "muster logs -f", {"follow", "rank"}, 1, status::logs_verb),
      old_verb("stacks", "[RUN] [--rank R] [--json]",
               "where every rank stands: phase, last collective and native stack; of a silent rank it was kept",
               "muster stacks 4711", {"rank", "json"}, 1, stacks::stacks_verb),
      old_verb("cancel", "[RUN]", "ends a run", "muster cancel 4711", {}, 1, status::cancel_verb, true, false),
      old_verb(
          "supervise", "RUN_FOLDER [-- SRUN_FLAG...]", "one attempt of a run, inside its job", "", {}, 64,
          [](const cli::Options& typed) { return supervise::supervise_verb(typed.words); }, false, false),
      old_verb("selftest", "[JOB] [--seed S | --seeds N] [--controls | --control NAME...] [--json]",
               "the proof that the loop learns: a tiny job (reverse-digits), and sabotaged runs that must not",
               "muster selftest --seeds 5 --controls",
               {"seed", "seeds", "controls", "control", "set", "run-dir", "json"}, 1,
               [](const cli::Options& typed) { return selftest::run_selftest(typed); }),
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

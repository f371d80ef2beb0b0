// muster: the verbs, one line each.
#include "launcher/cli/verbs.h"

int main(int argc, char** argv) {
  using namespace muster;
  const std::vector<cli::Verb> verbs{
      {"plan", "JOB [--cluster C] [--set key=value]...", "what a job would be: allocation, mesh, ranks, environment, memory",
       "muster plan smollm2-135m-sums --set train.dp=4 --set gen.dp=4", {"cluster", "set", "json", "resolved"}, 1, cli::run_plan},
      {"keys", "[--steps | --cluster]", "every key of job and cluster files, with type, unit, default and meaning",
       "muster keys --steps", {"steps", "cluster-keys"}, 0, cli::run_keys},
  };
  return cli::run_command_line({argv + 1, argv + argc}, verbs);
}

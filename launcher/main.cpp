// muster: the verbs, one line each, in the order of --help.
#include "launcher/cli/completion.h"
#include "launcher/compare/compare.h"
#include "launcher/doctor/doctor.h"
#include "launcher/export_model/export_model.h"
#include "launcher/health/node_step.h"
#include "launcher/keys/keys.h"
#include "launcher/probe/cluster_verb.h"
#include "launcher/rehearse/rehearse.h"
#include "launcher/run/evaluate.h"
#include "launcher/run/run.h"
#include "launcher/selftest/selftest.h"
#include "launcher/show_plan/show_plan.h"
#include "launcher/show_rows/show_rows.h"
#include "launcher/stacks/stacks.h"
#include "launcher/status/cancel.h"
#include "launcher/status/logs.h"
#include "launcher/status/status.h"
#include "launcher/submit/submit.h"
#include "launcher/supervise/supervise.h"
#include "launcher/try_job/try_job.h"
#include "launcher/tune/tune.h"
#include "launcher/watch/watch.h"
#include "runtime/base/inherited.h"

int main(int argc, char** argv) {
  using namespace muster;
  base::repair_inherited_state();
  std::vector<cli::Verb> verbs{
      show_plan::plan_verb(),  try_job::try_verb(),         rehearse::rehearse_verb(),
      tune::tune_verb(),       show_rows::rows_verb(),      run::run_verb(),
      run::evaluate_verb(),    export_model::export_verb(), submit::submit_verb(),
      probe::cluster_verb(),   doctor::doctor_verb(),       health::check_node_verb(),
      status::status_verb(),   watch::watch_verb(),         status::logs_verb(),
      stacks::stacks_verb(),   status::cancel_verb(),       supervise::supervise_verb(),
      compare::compare_verb(), selftest::selftest_verb(),   keys::keys_verb(),
  };
  verbs.push_back(cli::completion_verb(verbs));
  return cli::run_command_line({argv + 1, argv + argc}, verbs);
}

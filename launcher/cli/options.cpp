// Options of the verbs that have none of their own yet.
#include "launcher/cli/options.h"

#include <algorithm>

#include "launcher/cli/shared_flags.h"

namespace muster::cli {
namespace {

void add_flag(Flags& flags, const std::string& id, Options& o) {
  if (id == "cluster") add_cluster_flag(flags, o.cluster);
  if (id == "set") add_set_flag(flags, o.overrides);
  if (id == "run-dir") add_run_dir_flag(flags, o.run_dir);
  if (id == "json") add_json_flag(flags, o.json);
  if (id == "plan") flags.add("plan", "FILE", "run a plan as it is", o.plan_file);
  if (id == "new-binaries")
    flags.add("new-binaries", "with --run-dir alone: from now on these, not those that submit pinned", o.new_binaries);
  if (id == "data-changed")
    flags.add("data-changed", "with --run-dir alone: resume though the data is not what it was", o.data_changed);
  if (id == "model") flags.add("model", "DIR", "the model folder to look at (default: the job's)", o.model);
  if (id == "sort")
    flags.add("sort", "FIELD", "rates from the highest, everything else upwards; the fields are those of --json",
              o.sort);
  if (id == "runs") flags.add("runs", "only rows that Muster runs", o.runs);
  if (id == "resolved") flags.add("resolved", "print plan.toml with every key of the job", o.resolved);
  if (id == "schedule") flags.add("schedule", "print the trainer's pipeline schedule", o.schedule);
  if (id == "steps") flags.add("steps", "the fields of a step record instead", o.steps);
  if (id == "personal")
    flags.add("personal", "the keys of the personal file (~/.config/muster.toml) instead", o.personal_keys);
  if (id == "cluster-keys") flags.add("cluster", "the keys of a cluster file instead", o.cluster_keys);
  if (id == "follow") flags.add("follow,f", "go on as lines are written", o.follow);
  if (id == "rank") flags.add("rank,r", "R", "of this rank only", o.rank);
  if (id == "all-kinds") flags.add("all-kinds", "one rank of each kind that the plan has", o.all_kinds);
  if (id == "experts")
    flags.add("experts", "RULE", "rows that fall on the rank's experts: balanced, or skewed:S times the average",
              o.experts);
  if (id == "lengths")
    flags.add("lengths", "RULE", "of answers: fixed:N, uniform:A-B or a file (default: the published mean)", o.lengths);
  if (id == "seed") flags.add("seed", "S", "one seed", o.seed);
  if (id == "seeds") flags.add("seeds", "N", "the seeds 0 .. N-1", o.seeds);
  if (id == "controls") flags.add("controls", "also the sabotaged runs, which must fail", o.controls);
  if (id == "control") flags.add("control", "NAME", "also this sabotaged run, as often as you like", o.control_names);
  if (id == "preflight")
    flags.add("preflight", "look at every node before the ranks start (placement.preflight)", o.preflight);
  if (id == "detach") flags.add("detach", "return once the ranks run; the run goes on without this terminal", o.detach);
  if (id == "submit") flags.add("submit", "also look at one node, by a job of a minute", o.submit);
  if (id == "output") flags.add("output", "FILE", "write this file instead of printing", o.output);
  if (id == "partition") add_partition_flag(flags, o.wishes);
  if (id == "run-root") add_run_root_flag(flags, o.wishes);
  if (id == "user") add_user_flags(flags, o.wishes);
}

}  // namespace

Verb make_old_verb(VerbPage page, std::vector<std::string> ids, std::function<int(const Options&)> run) {
  const std::string name = page.name;
  return make_verb<Options>(
      std::move(page),
      [ids = std::move(ids), name](Flags& flags, Options& options) {
        options.verb = name;
        for (const std::string& id : ids) add_flag(flags, id, options);
      },
      std::move(run));
}

}  // namespace muster::cli

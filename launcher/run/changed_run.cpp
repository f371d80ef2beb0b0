// Other settings for a run that is there, and what its job file says by now.
#include "launcher/run/changed_run.h"

#include <algorithm>

#include "launcher/plan/plan.h"
#include "launcher/run/from_checkpoint.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"
#include "runtime/spec/origin.h"

namespace muster::run {
using base::text;

namespace {

std::string key_of(const std::string& override_text) {
  return base::trim(override_text.substr(0, override_text.find('=')));
}

/// Keys of the job by which `is` would compute another run than `was`.
std::vector<std::string> deciding_changes(const spec::Plan& was, const spec::Plan& is) {
  const auto before = spec::deciding_values(was), now = spec::deciding_values(is);
  std::vector<std::string> keys;
  for (const auto& [key, value] : now)
    if (const auto at = before.find(key); key != "name" && (at == before.end() || at->second != value))
      keys.push_back(key == "facts" ? "the model" : key);
  return keys;
}

/// Why none of the run's checkpoints can be read under `plan`, by the newest; "" where one can, or there is none.
std::string checkpoints_fault(const spec::Plan& plan) {
  const spec::RunPaths paths{plan.run_folder};
  std::string newest;
  const std::vector<std::int64_t> steps = spec::complete_checkpoints(paths);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const std::string fault = spec::checkpoint_fault(paths, plan, *step, std::nullopt);
    if (fault.empty()) return "";
    if (newest.empty()) newest = text("step ", *step, ": ", fault);
  }
  return newest;
}

}  // namespace

ChangedRun plan_changed_run(const spec::Plan& plan, const RunChange& change) {
  plan::Planned planned = plan::make_plan({.job = "",
                                           .overrides = change.overrides,
                                           .cluster = change.cluster.empty() ? plan.cluster : change.cluster,
                                           .run_folder = plan.run_folder,
                                           .user_settings = change.user_settings,
                                           .paths_must_exist = true,
                                           .of_run = &plan});
  planned.plan.binaries = plan.binaries;
  const std::string folder = plan.run_folder.string();
  if (const std::vector<std::string> keys = deciding_changes(plan, planned.plan); !keys.empty())
    throw Error::user({.what = text(base::join(keys, ", "), keys.size() == 1 ? " decides" : " decide",
                                    " what a run computes: it stays as this run was begun"),
                       .where = spec::RunPaths{folder}.plan().string(),
                       .fix = text("muster run JOB --from ", base::shell_quoted(folder),
                                   " begins a new run with its newest checkpoint")});
  if (const std::string fault = checkpoints_fault(planned.plan); !fault.empty())
    throw Error::user({.what = "with these settings none of the run's checkpoints can be used; " + fault,
                       .where = spec::RunPaths{folder}.checkpoints().string(),
                       .fix = "leave these settings out"});
  ChangedRun changed{.plan = std::move(planned.plan), .cluster = std::move(planned.cluster), .changes = {}};
  changed.changes = job_changes(plan.job, changed.plan.job);
  if (changed.plan.cluster != plan.cluster)
    changed.changes.push_back(text("cluster ", plan.cluster, " -> ", changed.plan.cluster));
  return changed;
}

std::string edited_job_text(const spec::Plan& plan) {
  const std::optional<spec::Origin> origin = spec::read_origin(plan.run_folder);
  if (!origin || origin->job_file.empty() || !base::is_there(origin->job_file)) return "";
  std::vector<std::string> list;
  try {
    const plan::Planned now = plan::make_plan({.job = origin->job_file,
                                               .overrides = origin->overrides,
                                               .cluster = origin->cluster.empty() ? "local" : origin->cluster});
    list = job_changes(plan.job, now.plan.job);
  } catch (const Error& error) {
    return text(origin->job_file, " cannot be planned any more (", error.faults().front().what,
                "): this run keeps the job it began with");
  }
  // A path typed after --set counts from where it was typed.
  std::erase_if(list, [&](const std::string& one) {
    return std::any_of(origin->overrides.begin(), origin->overrides.end(),
                       [&](const std::string& typed) { return one.starts_with(key_of(typed) + " "); });
  });
  if (list.empty()) return "";
  const std::size_t count = list.size();
  if (count > 3) list.resize(3);
  return text(origin->job_file, " was edited since: ", base::join(list, "; "),
              count > 3 ? text("; and ", count - 3, " more") : "", ". This run keeps its job; muster run JOB --from ",
              base::shell_quoted(plan.run_folder.string()), " begins a new one with its newest checkpoint");
}

}  // namespace muster::run

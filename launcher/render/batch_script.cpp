#include "launcher/render/batch_script.h"

#include <algorithm>
#include <map>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/data_files.h"
#include "runtime/spec/rank_env.h"

namespace muster::render {
namespace {

// As sbatch takes a value in a directive: quoted where it holds blanks, and without line breaks.
std::string directive_value(const std::string& value) {
  if (value.find_first_of("\n\r\"") != std::string::npos)
    throw Error::user({.what = base::text("'", value, "' cannot stand in a batch script"),
                       .fix = "choose a name without quotes and line breaks"});
  return value.find_first_of(" \t#") == std::string::npos ? value : "\"" + value + "\"";
}

std::string words(const std::vector<std::string>& list) { return base::join(list, " "); }

std::string filled(const std::string& shape, const std::map<std::string, std::string>& values) {
  std::string script;
  for (const std::string& line : base::split(shape, '\n')) {
    std::string done;
    bool had_name = false, had_value = false;
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t end = line[at] == '@' ? line.find('@', at + 1) : std::string::npos;
      if (end == std::string::npos) {
        done += line[at++];
        continue;
      }
      const auto found = values.find(line.substr(at + 1, end - at - 1));
      if (found == values.end())
        throw Error::user({.what = base::text("the template of the batch script has an unknown name '",
                                              line.substr(at, end - at + 1), "'")});
      had_name = true;
      had_value = had_value || !found->second.empty();
      done += found->second;
      at = end + 1;
    }
    if (!had_name || had_value) script += done + "\n";
  }
  while (script.ends_with("\n\n")) script.pop_back();
  return script;
}

/// SOURCE:TARGET of what agent and ranks need beside the site's mounts: those folders that no mount gives yet.
std::vector<std::string> mounts_of(const spec::Plan& plan, const cluster::ContainerFacts& container) {
  std::vector<std::string> mounts = container.mounts;
  const auto is_there = [&](const std::string& folder) {
    for (const std::string& mount : mounts) {
      const std::vector<std::string> parts = base::split(mount, ':');
      if (parts[0] == parts[1] && (folder + "/").starts_with(parts[0] == "/" ? "/" : parts[0] + "/")) return true;
    }
    return false;
  };
  std::vector<std::string> needed{plan.run_folder.string(), plan.binaries.string(), plan.job.model.path};
  for (const spec::DataSource& source : spec::data_sources(plan.job.data))
    if (!source.path.starts_with("builtin:")) needed.push_back(spec::data_mount(source.path));
  for (const std::string& folder : needed)
    if (!folder.empty() && !is_there(folder)) mounts.push_back(folder + ":" + folder);
  return mounts;
}

}  // namespace

std::string log_prefix(const std::filesystem::path& run_folder) {
  std::string path;
  for (const char c : run_folder.string()) path += c == '%' ? "%%" : std::string(1, c);
  return path + "/slurm-";
}

void check_names(const spec::Plan& plan, base::Faults& faults) {
  const auto check = [&](const std::string& what, const std::string& value) {
    const auto bad = std::find_if(value.begin(), value.end(), [](char c) {
      return c == '\'' || c == '"' || c == '\\' || (c >= 0 && c < ' ') || c == 0x7f;
    });
    if (bad == value.end()) return;
    const std::string shown =
        *bad < ' ' ? base::text("the control character ", static_cast<int>(*bad)) : std::string(1, *bad);
    faults.add({.what = base::text(what, " holds ", shown, ", which Slurm cannot carry in a batch script"),
                .where = base::shell_quoted(value),
                .fix = "choose one without quotes, backslashes and line breaks"});
  };
  check("the run folder", plan.run_folder.string());
  check("the job's name", plan.job.name);
}

std::vector<std::string> agent_words(const spec::Plan& plan, const cluster::Cluster& cluster) {
  std::vector<std::string> list = cluster.slurm.srun_flags;
  const cluster::ContainerFacts& container = cluster.container;
  if (container.kind == cluster::ContainerKind::none) return list;
  const std::string mounts = base::join(mounts_of(plan, container), ",");
  if (container.kind == cluster::ContainerKind::pyxis) {
    list.push_back("--container-image=" + container.image);
    list.push_back("--container-mounts=" + mounts);
  } else {
    list.insert(list.end(), {"apptainer", "exec"});
    if (plan.device == "cuda") list.push_back("--nv");
    list.insert(list.end(), {"--bind", mounts});
  }
  list.insert(list.end(), container.flags.begin(), container.flags.end());
  if (container.kind == cluster::ContainerKind::apptainer) list.push_back(container.image);
  return list;
}

std::string size_directives(const spec::Plan& plan, const cluster::Cluster& cluster) {
  std::vector<std::string> list{base::text("--nodes=", plan.num_nodes), base::text("--ntasks-per-node=1")};
  if (cluster.slurm.exclusive) {
    list.push_back("--exclusive");
  } else {
    list.push_back(base::text("--cpus-per-task=", plan.ranks_per_node * plan.job.threads));
  }
  if (plan.segment_nodes > 0) list.push_back(base::text("--segment=", plan.segment_nodes));
  if (plan.device == "cuda" && cluster.slurm.gpu_request == cluster::GpuRequest::gpus_per_node)
    list.push_back(base::text("--gpus-per-node=", plan.ranks_per_node));
  if (plan.device == "cuda" && cluster.slurm.gpu_request == cluster::GpuRequest::gres)
    list.push_back(
        base::text("--gres=gpu:", cluster.gpu.kind.empty() ? "" : cluster.gpu.kind + ":", plan.ranks_per_node));
  return words(list);
}

std::string where_directives(const cluster::SlurmFacts& slurm) {
  std::vector<std::string> list;
  for (const auto& [name, value] : {std::pair{"partition", slurm.partition},
                                    {"account", slurm.account},
                                    {"qos", slurm.qos},
                                    {"reservation", slurm.reservation},
                                    {"nodelist", slurm.nodelist},
                                    {"exclude", slurm.exclude},
                                    {"constraint", base::join(slurm.features, "&")},
                                    {"comment", slurm.comment}})
    if (!value.empty()) list.push_back(base::text("--", name, "=", directive_value(value)));
  return words(list);
}

std::string life_directives(const spec::Job& job, const cluster::SlurmFacts& slurm) {
  std::vector<std::string> list{base::text("--time=", slurm.time_limit_min),
                                job.requeue.max > 0 ? "--requeue" : "--no-requeue"};
  // The warning makes ranks write a checkpoint; without checkpoints it would only end them early.
  if (job.checkpoint.every > 0)
    list.push_back(base::text("--signal=B:USR2@", static_cast<std::int64_t>(job.requeue.margin_s)));
  return words(list);
}

namespace {

/// The site's lines, with a note of the variables that they set: those reach the ranks.
std::string setup_lines(const std::vector<std::string>& setup) {
  const bool sets_nothing =
      std::all_of(setup.begin(), setup.end(), [](const std::string& line) { return line.starts_with("ulimit "); });
  if (sets_nothing) return base::join(setup, "\n");
  const std::string names = spec::kSiteNames;
  return "declare -A before_setup\n"
         "while read -r name; do before_setup[$name]=${!name}; done < <(compgen -e)\n" +
         base::join(setup, "\n") + "\n" + names +
         "=\n"
         "while read -r name; do [[ \"${before_setup[$name]-}\" == \"${!name}\" ]] || " +
         names + "+=\" $name\"; done < <(compgen -e)\nexport " + names;
}

}  // namespace

std::string batch_script(const std::string& shape, const spec::Plan& plan, const cluster::Cluster& cluster,
                         const std::filesystem::path& muster) {
  const std::filesystem::path run_folder = plan.run_folder.empty() ? "RUN_FOLDER" : plan.run_folder;
  std::string agent;
  for (const std::string& word : agent_words(plan, cluster))
    agent += (agent.empty() ? " -- " : " ") + base::shell_quoted(word);
  const std::string where = where_directives(cluster.slurm);
  std::string script =
      filled(shape, {{"job_name", directive_value(plan.job.name)},
                     {"size", size_directives(plan, cluster)},
                     {"where", where},
                     {"life", life_directives(plan.job, cluster.slurm)},
                     {"log", directive_value(log_prefix(run_folder) + "%j.log")},
                     {"site", cluster.slurm.sbatch_flags.empty() ? "" : "#SBATCH " + words(cluster.slurm.sbatch_flags)},
                     {"setup", setup_lines(cluster.setup)},
                     {"muster", base::shell_quoted(muster.string())},
                     {"run_folder", base::shell_quoted(run_folder.string())},
                     {"agent", agent}});
  return script;
}

}  // namespace muster::render

#include "launcher/render/batch_script.h"

#include <map>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::render {
namespace {

// As sbatch takes a value in a directive: quoted where it holds blanks, and without line breaks.
std::string directive_value(const std::string& value) {
  if (value.find_first_of("\n\r\"") != std::string::npos)
    throw Error::user({.what = base::text("'", value, "' cannot stand in a batch script"),
                       .fix = "choose a name without quotes and line breaks"});
  return value.find_first_of(" \t#") == std::string::npos ? value : "\"" + value + "\"";
}

// In sbatch's file names % begins a pattern.
std::string log_pattern(const std::filesystem::path& run_folder) {
  std::string path;
  for (const char c : run_folder.string()) path += c == '%' ? "%%" : std::string(1, c);
  return directive_value(path + "/slurm-%j.log");
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

}  // namespace

std::string size_directives(const spec::Plan& plan, const cluster::Cluster& cluster) {
  std::vector<std::string> list{base::text("--nodes=", plan.num_nodes), base::text("--ntasks-per-node=1")};
  if (cluster.slurm.exclusive) {
    list.push_back("--exclusive");
  } else {
    list.push_back(base::text("--cpus-per-task=", plan.ranks_per_node * plan.job.threads));
  }
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
                                    {"reservation", slurm.reservation}})
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

std::string batch_script(const std::string& shape, const spec::Plan& plan, const cluster::Cluster& cluster,
                         const std::filesystem::path& muster) {
  const std::filesystem::path run_folder = plan.run_folder.empty() ? "RUN_FOLDER" : plan.run_folder;
  std::string srun_flags;
  if (!cluster.slurm.srun_flags.empty()) srun_flags = " --";
  for (const std::string& flag : cluster.slurm.srun_flags) srun_flags += " " + base::shell_quoted(flag);
  const std::string where = where_directives(cluster.slurm);
  std::string script =
      filled(shape, {{"job_name", directive_value(plan.job.name)},
                     {"size", size_directives(plan, cluster)},
                     {"where", where},
                     {"life", life_directives(plan.job, cluster.slurm)},
                     {"log", log_pattern(run_folder)},
                     {"site", cluster.slurm.sbatch_flags.empty() ? "" : "#SBATCH " + words(cluster.slurm.sbatch_flags)},
                     {"setup", base::join(cluster.setup, "\n")},
                     {"muster", base::shell_quoted(muster.string())},
                     {"run_folder", base::shell_quoted(run_folder.string())},
                     {"srun_flags", srun_flags}});
  return script;
}

}  // namespace muster::render

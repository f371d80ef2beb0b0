#include "launcher/plan/slurm_request.h"

#include <functional>
#include <optional>

#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::plan {

using base::text;

namespace {

/// One flag as it was given: "--nodes=1", "--nodes 1", "-N1" and "-N 1" are the same.
struct Flag {
  std::string words, name, value;
};

/// What the plan says for a flag.
struct Rule {
  std::string name;
  char letter = 0;
  std::string planned;  // as the plan has it: "--nodes=2", "one job"
  std::function<bool(const std::string&)> agrees;
  std::string fix;
};

std::optional<std::int64_t> number_in(const std::string& word) {
  if (word.empty() || word.size() > 9 || word.find_first_not_of("0123456789") != std::string::npos) return {};
  return std::stoll(word);
}

std::function<bool(const std::string&)> equals(std::int64_t wanted) {
  return [wanted](const std::string& value) { return number_in(value) == wanted; };
}
/// For "h100:8" the number behind the kind; several kinds agree when one does.
std::function<bool(const std::string&)> at_least(std::int64_t wanted) {
  return [wanted](const std::string& value) {
    for (const std::string& part : base::split(value, ','))
      if (number_in(part.substr(part.rfind(':') + 1)).value_or(-1) >= wanted) return true;
    return false;
  };
}
bool never(const std::string&) { return false; }

bool is_time(const std::string& value, std::int64_t seconds) {
  try {
    return slurm::parse_duration(value) == seconds;
  } catch (const Error&) {
    return false;
  }
}

std::vector<Rule> rules_of_size(const spec::Plan& plan, const cluster::SlurmFacts& slurm) {
  const std::string nodes = std::to_string(plan.num_nodes);
  const std::int64_t limit_s = slurm.time_limit_min * 60;
  const std::string layout = "the layout decides: degrees of train and gen, placement";
  std::vector<Rule> rules{
      {"nodes", 'N', "--nodes=" + nodes,
       [nodes](const std::string& value) { return value == nodes || value == nodes + "-" + nodes; }, layout},
      {"ntasks", 'n', "--ntasks=" + nodes, equals(plan.num_nodes),
       "one task a node: the agent, which starts the ranks"},
      {"ntasks-per-node", 0, "--ntasks-per-node=1", equals(1), "one task a node: the agent, which starts the ranks"},
      {"ntasks-per-gpu", 0, "--ntasks-per-node=1", never, "one task a node: the agent, which starts the ranks"},
      {"time", 't', text("--time=", slurm.time_limit_min),
       [limit_s](const std::string& value) { return is_time(value, limit_s); },
       "--time-limit-min, or slurm.time_limit_min"},
      {"array", 'a', "one job for each run", never, "submit each run by itself"},
      {"segment", 0, plan.segment_nodes > 0 ? text("--segment=", plan.segment_nodes) : "no segments",
       equals(plan.segment_nodes), "placement.segment_nodes of the job, slurm.segments of the cluster"}};
  if (slurm.exclusive) {
    rules.push_back({"exclusive", 0, "--exclusive", [](const std::string& value) { return value.empty(); },
                     "slurm.exclusive = false shares nodes"});
    rules.push_back({"oversubscribe", 's', "--exclusive", never, "slurm.exclusive = false shares nodes"});
  } else {
    const std::int64_t cpus = plan.ranks_per_node * plan.job.threads;
    rules.push_back({"cpus-per-task", 'c', text("--cpus-per-task=", cpus), at_least(cpus), "threads of the job"});
  }
  return rules;
}

std::vector<Rule> rules_of_gpus(const spec::Plan& plan, const cluster::SlurmFacts& slurm) {
  if (plan.device != "cuda") return {};
  const std::int64_t gpus = plan.ranks_per_node, total = gpus * plan.num_nodes;
  const std::string layout = "the layout decides: placement.ranks_per_node";
  const bool by_gres = slurm.gpu_request == cluster::GpuRequest::gres;
  const auto gres_agrees = [gpus, by_gres](const std::string& value) {
    const bool has_gpus = value.starts_with("gpu") || value.find(",gpu") != std::string::npos;
    return has_gpus ? slurm::parse_gpu_gres(value).count >= gpus : !by_gres;
  };
  return {{"gpus-per-node", 0, text("--gpus-per-node=", gpus), at_least(gpus), layout},
          {"gpus-per-task", 0, text("--gpus-per-task=", gpus), at_least(gpus), layout},
          {"gpus", 'G', text("--gpus=", total), at_least(total), layout},
          {"gres", 0, text("--gres=gpu:", gpus), gres_agrees,
           text("write gpu:", gpus, " into it: the last --gres counts")}};
}

/// Flags that have a key: the key alone is checked against Slurm and shown by `plan`.
std::vector<Rule> rules_of_keys(const cluster::SlurmFacts& slurm) {
  std::vector<Rule> rules;
  const auto add = [&](const std::string& name, char letter, const std::string& value, bool also_empty) {
    if (value.empty() && !also_empty) return;
    rules.push_back({name, letter, value.empty() ? "Slurm's default " + name : text("--", name, "=", value),
                     [value](const std::string& given) { return given == value; },
                     text("muster's own --", name, ", or slurm.", name)});
  };
  add("partition", 'p', slurm.partition, true);
  add("account", 'A', slurm.account, false);
  add("qos", 'q', slurm.qos, false);
  add("reservation", 0, slurm.reservation, false);
  add("nodelist", 'w', slurm.nodelist, false);
  add("exclude", 'x', slurm.exclude, false);
  add("comment", 0, slurm.comment, false);
  return rules;
}

std::vector<Rule> rules_of_life(const spec::Plan& plan) {
  const spec::Job& job = plan.job;
  std::vector<Rule> rules{
      {"output", 'o', "the log in the run folder", never, "leave it out: status and logs read it there"},
      {"wrap", 0, "the run's batch script", never, "leave it out"},
      {"test-only", 0, "a job", never, "leave it out: `muster plan` shows what would be asked for"},
      {"wait", 'W', "sbatch that returns at once", never, "muster logs -f waits"},
      {"quiet", 'Q', "sbatch that names the job", never, "leave it out"},
      {"clusters", 'M', "the cluster that the other commands ask", never,
       "export SLURM_CLUSTERS: all commands heed it"}};
  if (job.requeue.max > 0)
    rules.push_back({"no-requeue", 0, text("requeue.max = ", job.requeue.max), never, "set requeue.max = 0"});
  else
    rules.push_back({"requeue", 0, "requeue.max = 0", never, "set requeue.max"});
  if (job.checkpoint.every > 0) {
    const std::string planned = text("B:USR2@", static_cast<std::int64_t>(job.requeue.margin_s));
    rules.push_back({"signal", 0, "--signal=" + planned,
                     [planned](const std::string& value) { return value == planned; }, "set requeue.margin_s"});
  }
  return rules;
}

/// The rule that speaks of a word, by its name, a beginning of it (as sbatch takes it), or its letter.
const Rule* rule_of(const std::vector<Rule>& rules, const std::string& name) {
  for (const Rule& rule : rules)
    if (rule.name == name || (name.size() == 1 && rule.letter == name[0])) return &rule;
  const Rule* found = nullptr;
  for (const Rule& rule : rules)
    if (name.size() >= 3 && rule.name.starts_with(name)) {
      if (found != nullptr) return nullptr;  // sbatch itself refuses it
      found = &rule;
    }
  return found;
}

std::vector<Flag> flags_in(const std::vector<std::string>& list) {
  std::vector<Flag> flags;
  for (const std::string& entry : list)
    for (const std::string& word : base::split(entry, ' ')) {
      if (word.starts_with("--")) {
        const std::size_t equals = word.find('=');
        flags.push_back({word, word.substr(2, equals == std::string::npos ? equals : equals - 2),
                         equals == std::string::npos ? "" : word.substr(equals + 1)});
      } else if (word.starts_with("-") && word.size() > 1) {
        flags.push_back({word, word.substr(1, 1), word.substr(word.size() > 2 && word[2] == '=' ? 3 : 2)});
      } else if (!word.empty() && !flags.empty() && flags.back().value.empty()) {
        flags.back().words += " " + word;
        flags.back().value = word;
      }
    }
  return flags;
}

void check_flags(const spec::Plan& plan, const cluster::Cluster& cluster, base::Faults& faults) {
  std::vector<Rule> rules;
  for (const std::vector<Rule>& more : {rules_of_size(plan, cluster.slurm), rules_of_gpus(plan, cluster.slurm),
                                        rules_of_keys(cluster.slurm), rules_of_life(plan)})
    rules.insert(rules.end(), more.begin(), more.end());
  for (const Flag& flag : flags_in(cluster.slurm.sbatch_flags)) {
    const Rule* rule = rule_of(rules, flag.name);
    if (rule == nullptr || rule->agrees(flag.value)) continue;
    faults.add({.what = text("the flag ", flag.words, " of sbatch contradicts the plan, which has ", rule->planned),
                .where = cluster.places.of("slurm.sbatch_flags"),
                .fix = rule->fix});
  }
}

}  // namespace

void check_request(const spec::Plan& plan, const cluster::Cluster& cluster, const spec::KeyPlaces& places,
                   base::Faults& faults, std::vector<std::string>& warnings) {
  check_flags(plan, cluster, faults);
  const std::int64_t limit_s = cluster.slurm.time_limit_min * 60;
  const double margin_s = plan.job.requeue.margin_s;
  if (plan.job.checkpoint.every == 0) return;  // Slurm is asked for no warning then
  const std::string figures = text("requeue.margin_s = ", margin_s, ", but the job has ", limit_s, " s (",
                                   cluster.slurm.time_limit_min, " min)");
  if (margin_s >= static_cast<double>(limit_s)) {
    faults.add({.what = figures + ": each attempt would be warned at its start, write a checkpoint and leave",
                .where = places.of("requeue.margin_s"),
                .fix = text("lower requeue.margin_s below ", limit_s, ", or raise --time-limit-min")});
  } else if (2 * margin_s > static_cast<double>(limit_s)) {
    warnings.push_back(figures + ": more than half of each attempt goes unused");
  }
}

}  // namespace muster::plan

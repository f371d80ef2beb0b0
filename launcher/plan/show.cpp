#include "launcher/plan/show.h"

#include <algorithm>
#include <optional>

#include "launcher/page/wrapped.h"
#include "launcher/plan/links.h"
#include "launcher/plan/memory_text.h"
#include "launcher/plan/show_site.h"
#include "runtime/base/columns.h"
#include "runtime/base/text.h"
#include "runtime/spec/answer_lengths.h"
#include "runtime/spec/choices.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/supported.h"

namespace muster::plan {

using base::left;
using base::right;
using base::text;
using page::kPageColumns;
using page::wrapped;

namespace {

std::string counted(std::int64_t count, const std::string& thing) {
  return text(count, " ", thing, count == 1 ? "" : "s");
}

/// "  name          what it is", wrapped under itself.
std::string entry(const std::string& name, const std::string& what) {
  const std::string body = wrapped(what, 15);
  return "  " + left(name, 13) + body.substr(std::min<std::size_t>(15, body.size()));
}

/// 134515008 -> "134.5 M".
std::string count_text(std::int64_t count) {
  const auto value = static_cast<double>(count);
  if (value >= 1e9) return base::number_text(value / 1e9, 2) + " B";
  if (value >= 1e6) return base::number_text(value / 1e6, 1) + " M";
  return base::number_text(value / 1e3, 1) + " k";
}

/// Who grades, and what of a reply.
std::string rewards_text(const spec::RewardJob& reward) {
  std::vector<std::string> kinds;
  for (const spec::RewardPart& part : spec::reward_parts(reward)) kinds.push_back(part.kind);
  return base::join(kinds, " + ") + (reward.answer == spec::AnswerPart::all
                                         ? " of the whole reply"
                                         : " of what follows the thinking (reward.answer)");
}

std::string head(const spec::Plan& plan) {
  const spec::Job& job = plan.job;
  const bool is_split = job.placement.mode == spec::PlacementMode::split;
  std::string page = text(job.name, " on cluster ", plan.cluster, "\n\n");
  std::int64_t train = 0;
  std::int64_t gen = 0;
  for (const spec::RankPlan& rank : plan.ranks) {
    train += rank.train_rank ? 1 : 0;
    gen += rank.gen_rank ? 1 : 0;
  }
  page +=
      entry("allocation",
            text(counted(plan.num_nodes, "node"), " x ", counted(plan.ranks_per_node, "rank"), " on ", plan.device,
                 ": ", counted(std::ssize(plan.ranks), "rank"),
                 is_split ? text(", ", train, " train and ", gen, " generate") : ", each trains and generates in turn",
                 job.placement.spares > 0 ? text(", ", counted(job.placement.spares, "spare node")) : "",
                 plan.segment_nodes > 0
                     ? text("; segments of ", counted(plan.segment_nodes, "node"), ", each in one NVLink domain")
                     : ""));
  const spec::ModelFacts& facts = plan.model;
  if (facts.hidden_size > 0) {
    page +=
        entry("model", text(job.model.name.empty() ? job.model.path : job.model.name, ": ",
                            spec::parameter_count(facts) > 0 ? count_text(spec::parameter_count(facts)) : "",
                            " parameters, ", facts.num_layers, " layers of ", facts.hidden_size, ", ", facts.num_heads,
                            "/", facts.num_kv_heads, " heads, in ", spec::choice_name(job.model.dtype)));
  } else {
    page += entry("model", job.model.path + ": not here, so without memory figures");
  }
  const std::int64_t updates = spec::updates_per_step(job);
  page += entry("step", text(counted(job.grpo.prompts_per_step, "prompt"), " x ",
                             counted(job.grpo.samples_per_prompt, "sample"), " = ", spec::samples_per_step(job), ", ",
                             counted(updates, "update"), " of ", spec::update_samples(job), ", micro batches of ",
                             spec::micro_batch_tokens(job), " tokens, ", counted(job.grpo.steps, "step")));
  if (spec::is_synthetic(job))
    page += entry("synthetic", text("answers of forced lengths (", job.sampling.lengths, "), random rewards",
                                    job.model.weights == "random" ? ", random weights" : "", ": speed alone"));
  else
    page += entry("rewards", rewards_text(job.reward));
  if (!plan.run_folder.empty()) page += entry("run folder", plan.run_folder.string());
  return page;
}

/// What a person must know before the queue: what does not run, and what is legal but has a price.
std::string notes(const spec::Plan& plan) {
  std::vector<std::string> notes = plan.warnings;
  const std::vector<base::Fault> missing = spec::unsupported(plan);
  if (!missing.empty()) notes.insert(notes.begin(), "planned only: " + spec::unsupported_text(missing));
  std::string page = notes.empty() ? "" : "\n";
  for (const std::string& note : notes) page += "  ! " + wrapped(note, 4).substr(4);
  return page;
}

std::string mesh(const spec::Plan& plan) {
  std::string page = "\nmesh            tp   cp   ep   pp  vpp   dp  ranks\n";
  const auto line = [&](const char* role, const spec::Degrees& d) {
    page += text("  ", left(role, 11), right(d.tp, 5), right(d.cp, 5), right(d.ep, 5), right(d.pp, 5), right(d.vpp, 5),
                 right(d.dp, 5), right(d.ranks(), 7), "\n");
  };
  line("train", plan.train);
  line("generate", plan.generate);
  return page;
}

/// The axes whose coordinates are worth a column.
std::vector<spec::Axis> axes_of(const spec::Degrees& degrees, std::vector<spec::Axis> axes) {
  if (degrees.ep > 1) axes.push_back(spec::Axis::ep);
  return axes;
}

std::string coordinates(const spec::Degrees& degrees, const std::vector<spec::Axis>& axes,
                        const std::optional<std::int64_t>& role_rank) {
  std::string cells;
  for (const spec::Axis axis : axes)
    cells += role_rank ? right(spec::place_of(degrees, *role_rank).on(axis), 4) : right("-", 4);
  return cells;
}

std::string ranks(const spec::Plan& plan) {
  const auto train = axes_of(plan.train, {spec::Axis::tp, spec::Axis::cp, spec::Axis::pp, spec::Axis::dp});
  const auto generate = axes_of(plan.generate, {spec::Axis::tp, spec::Axis::pp, spec::Axis::dp});
  std::string page = "\nrank   slot  local  device   role       train";
  for (const spec::Axis axis : train) page += right(spec::axis_name(axis), 4);
  page += "   generate";
  for (const spec::Axis axis : generate) page += right(spec::axis_name(axis), 4);
  page += "\n";
  for (const spec::RankPlan& rank : plan.ranks) {
    const std::string device = plan.device == "cuda" ? text("cuda:", rank.device) : "cpu";
    page += text(right(rank.rank, 4), right(rank.node_slot, 7), right(rank.local_rank, 7), "  ", left(device, 9),
                 left(spec::role_name(rank.role), 16), coordinates(plan.train, train, rank.train_rank),
                 std::string(11, ' '), coordinates(plan.generate, generate, rank.gen_rank), "\n");
  }
  return page;
}

std::string environment(const std::vector<spec::EnvironmentValue>& entries) {
  std::string page = "\nenvironment of every rank\n";
  for (const spec::EnvironmentValue& entry : entries) {
    const std::string assignment = "  " + entry.name + "=" + entry.value;
    const std::string same_line = left(assignment, 36) + "  # " + entry.origin;
    page += same_line.size() <= kPageColumns ? same_line + "\n" : wrapped("# " + entry.origin, 2) + assignment + "\n";
  }
  return page;
}

std::string settings(const spec::Job& job) {
  std::string page = "\nsettings other than the defaults (muster keys)\n";
  for (const auto& [key, value] : spec::job_differences(job)) {
    const std::string line = "  " + left(key, 30) + " " + value;
    page += (line.size() <= kPageColumns ? line : line.substr(0, kPageColumns - 4) + " ...") + "\n";
  }
  return page;
}

}  // namespace

std::string plan_page(const spec::Plan& plan, const cluster::Cluster& cluster, const std::string& batch_script) {
  std::string page = head(plan) + notes(plan) + mesh(plan) + links_page(plan, cluster) + ranks(plan) +
                     environment(plan.environment) + memory_page(plan, cluster) + settings(plan.job) +
                     submission_page(cluster);
  if (!batch_script.empty()) {
    page += "\nbatch script\n";
    for (const std::string& line : base::split(base::trim(batch_script), '\n')) page += "  | " + line + "\n";
  }
  return page;
}

std::string resolved_page(const spec::Plan& plan, const spec::KeyPlaces& places) {
  std::string page, table = "?";
  for (const std::string& line : base::split(base::trim(spec::plan_text(plan)), '\n')) {
    page += line;
    if (line == "[job]")
      table = "";
    else if (line.starts_with("[job."))
      table = line.substr(5, line.size() - 6) + ".";
    else if (line.starts_with("["))
      table = "?";
    const auto given = places.keys.find(table + line.substr(0, line.find(' ')));
    if (given != places.keys.end()) page += "  # " + given->second;
    page += "\n";
  }
  return page;
}

}  // namespace muster::plan

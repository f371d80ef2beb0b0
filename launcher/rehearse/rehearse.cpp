#include "launcher/rehearse/rehearse.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "launcher/cli/shared_flags.h"
#include "launcher/rehearse/page.h"
#include "launcher/rows/rows.h"
#include "launcher/slurm/command.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::rehearse {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr double kTimeout_s = 3600, kMostSkew = 1000;

/// The plan as a file, for as long as it lives.
class PlanFile {
 public:
  explicit PlanFile(const spec::Plan& plan)
      : path_(fs::temp_directory_path() / base::text("muster-rehearse-", ::getpid(), ".toml")) {
    base::write_file(path_, spec::plan_text(plan));
  }
  ~PlanFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  PlanFile(const PlanFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

ordered_json rehearsed(const spec::Plan& plan, const fs::path& file, std::int64_t rank, const std::string& lengths,
                       double expert_skew) {
  const fs::path program = plan.binaries / "muster-rank";
  if (!base::is_there(program))
    throw Error::cluster(
        {.what = "muster-rank is not there", .where = program.string(), .fix = "build it with WITH_RUNTIME=ON"});
  const slurm::CommandResult result =
      slurm::run_command({program.string(), "rehearse", "--plan", file.string(), "--rank", std::to_string(rank),
                          "--lengths", lengths, "--experts", base::text(expert_skew)},
                         kTimeout_s);
  if (result.code == 0) return ordered_json::parse(result.output);
  // Its last word, with all faults; what a library wrote before stays out.
  const std::string prefix = "muster-rank: ";
  const std::size_t last = result.errors.rfind(prefix);
  const std::string said =
      base::trim(last == std::string::npos ? result.errors : result.errors.substr(last + prefix.size()));
  const base::Fault fault{.what = base::text("rank ", rank, " cannot be rehearsed: ", said)};
  throw result.code == 2 ? Error::user(fault) : Error::rank(fault);
}

}  // namespace

std::string lengths_of(const std::string& rule, const plan::Planned& planned) {
  if (!rule.empty()) return rule;
  const spec::Job& job = planned.plan.job;
  if (spec::is_synthetic(job)) return job.sampling.lengths;
  const std::string name = planned.job_file.stem().string();
  for (const rows::PublishedRow& row : rows::shipped_rows())
    if (row.job == name && row.answer_tokens > 0) return base::text("fixed:", row.answer_tokens);
  return base::text("fixed:", (spec::max_new_tokens(job) + 1) / 2);
}

namespace {

/// "balanced", or "skewed:S": how many times as many rows as on average the experts of a rank get.
double skew_of(const std::string& rule, const spec::ModelFacts& facts) {
  if (rule.empty()) return 1;
  const auto refuse = [&](const std::string& what, const std::string& fix) {
    throw Error::user({.what = "--experts " + rule + what, .where = "", .fix = fix});
  };
  if (facts.num_experts == 0) refuse(": the model has no experts", "take it out");
  if (rule == "balanced") return 1;
  const std::string prefix = "skewed:";
  const std::string word = rule.starts_with(prefix) ? rule.substr(prefix.size()) : "";
  double times = -1;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), times);
  if (code != std::errc() || end != word.data() + word.size() || !(times >= 0 && times <= kMostSkew))
    refuse(" is no rule", base::text("balanced, or skewed:S with S from 0 to ", kMostSkew,
                                     ": the experts of the rank get S times as many rows as on average"));
  return times;
}

struct RehearseOptions {
  std::vector<std::string> words;  // JOB
  std::string cluster;
  std::vector<std::string> overrides;
  std::optional<std::int64_t> rank;
  bool all_kinds = false, json = false;
  std::string lengths, experts;  // rules
};

int rehearse(const RehearseOptions& options) {
  if (options.words.empty())
    throw Error::user({.what = "muster rehearse needs a job", .where = "", .fix = "muster rehearse JOB --cluster C"});
  if (options.rank && options.all_kinds)
    throw Error::user({.what = "--rank and --all-kinds do not go together", .where = "", .fix = "choose one"});
  plan::Request request{.job = options.words[0], .overrides = options.overrides};
  if (!options.cluster.empty()) request.cluster = options.cluster;
  const plan::Planned planned = plan::make_plan(request);
  const spec::Plan& plan = planned.plan;
  const auto num_ranks = std::ssize(plan.ranks);
  if (options.rank && *options.rank >= num_ranks)
    throw Error::user({.what = base::text("--rank ", *options.rank, ": the plan has ", num_ranks, " ranks"),
                       .where = "",
                       .fix = base::text("0 .. ", num_ranks - 1)});
  if (plan.model.hidden_size == 0)
    throw Error::user({.what = "the model is not known", .where = "model", .fix = "give model.name, or a folder"});
  const std::string lengths = lengths_of(options.lengths, planned);
  spec::AnswerLengths::parse(lengths, "--lengths");
  const double expert_skew = skew_of(options.experts, plan.model);

  const std::vector<Kind> kinds =
      options.all_kinds ? kinds_of(plan) : std::vector<Kind>{kind_of(plan, options.rank.value_or(0))};
  const PlanFile file(plan);
  ordered_json list = ordered_json::array();
  for (const Kind& kind : kinds) {
    ordered_json found = rehearsed(plan, file.path(), kind.rank, lengths, expert_skew);
    if (options.json) {
      found["ranks_alike"] = kind.count;
      for (ordered_json& phase : found["phases"])
        phase["planned_owners"] = predicted_owners(plan, kind.rank, phase["phase"]);
      list.push_back(std::move(found));
      continue;
    }
    if (&kind == kinds.data()) base::print(stdout, head_line(plan, lengths, found, kinds.size()));
    base::print(stdout, kind_page(plan, kind, found));
  }
  base::print(stdout, options.json ? base::json_text(list, 2) + "\n" : foot_text());
  return 0;
}

}  // namespace

cli::Verb rehearse_verb() {
  return cli::make_verb<RehearseOptions>(
      {.name = "rehearse",
       .usage = "JOB [--cluster C] [--rank R | --all-kinds] [--lengths RULE] [--experts RULE] [--json]",
       .summary = "one step of a rank of any plan, with the real loop and without data: memory, FLOPs, collectives",
       .example = "muster rehearse grpo-llama3.1-8b-16xh100-megatron --cluster dgx-h100 --all-kinds",
       .max_words = 1},
      [](cli::Flags& flags, RehearseOptions& options) {
        cli::add_cluster_flag(flags, options.cluster);
        cli::add_set_flag(flags, options.overrides);
        flags.add("rank,r", "R", "of this rank only", options.rank);
        flags.add("all-kinds", "one rank of each kind that the plan has", options.all_kinds);
        flags.add("lengths", "RULE", "of answers: fixed:N, uniform:A-B or a file (default: the published mean)",
                  options.lengths);
        flags.add("experts", "RULE", "rows that fall on the rank's experts: balanced, or skewed:S times the average",
                  options.experts);
        cli::add_json_flag(flags, options.json);
      },
      rehearse);
}

}  // namespace muster::rehearse

#include "launcher/stacks/stacks.h"

#include <algorithm>
#include <cstdio>
#include <thread>

#include "launcher/cli/shared_flags.h"
#include "launcher/records/submission.h"
#include "launcher/supervise/verdict.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::stacks {
namespace fs = std::filesystem;
using base::text;

namespace {

constexpr double kPatience_s = 15;  // agents look every second and need three; shared file systems show files late
constexpr auto kLook = std::chrono::milliseconds(100);

std::optional<spec::NodeStacks> read_node(const fs::path& file) {
  try {
    if (!base::is_there(file)) return std::nullopt;
    return spec::parse_node_stacks(base::read_file(file), file.string());
  } catch (const Error&) {
    return std::nullopt;
  }
}

Answers answers_since(const spec::RunPaths& paths, const spec::Placement& placement, std::int64_t number) {
  Answers answers;
  for (const spec::NodePlace& node : placement.nodes) {
    std::optional<spec::NodeStacks> stacks = read_node(paths.node_stacks(placement.attempt, node.slot));
    if (stacks && stacks->number >= number)
      answers.nodes.push_back(std::move(*stacks));
    else
      answers.silent_hosts.push_back(node.host);
  }
  return answers;
}

// Beyond every question that was asked or answered.
std::int64_t next_number(const spec::RunPaths& paths, const spec::Placement& placement) {
  std::int64_t number = 0;
  for (const spec::NodeStacks& node : left_answers(paths, placement).nodes) number = std::max(number, node.number);
  const fs::path file = paths.stacks_request(placement.attempt);
  if (base::is_there(file)) number = std::max(number, spec::parse_stacks_request(base::read_file(file), file.string()));
  return number + 1;
}

}  // namespace

Answers left_answers(const spec::RunPaths& paths, const spec::Placement& placement) {
  return answers_since(paths, placement, 0);
}

Answers ask(const spec::RunPaths& paths, const spec::Placement& placement, double patience_s) {
  const std::int64_t number = next_number(paths, placement);
  base::write_file(paths.stacks_request(placement.attempt), spec::stacks_request_text(number));
  const base::Stopwatch watch;
  Answers answers = answers_since(paths, placement, number);
  while (!answers.silent_hosts.empty() && watch.elapsed_s() < patience_s) {
    std::this_thread::sleep_for(kLook);
    answers = answers_since(paths, placement, number);
  }
  return answers;
}

namespace {

struct StacksOptions {
  std::vector<std::string> words;  // RUN
  std::optional<std::int64_t> rank;
  bool json = false;
};

int print_stacks(const StacksOptions& options) {
  const spec::RunPaths paths{records::find_run(options.words.empty() ? "" : options.words[0])};
  const std::optional<spec::Epoch> epoch = spec::current_epoch(paths.folder);
  if (!epoch)
    throw Error::user({.what = "no attempt of this run has begun, so no rank stands anywhere",
                       .where = paths.folder.string(),
                       .fix = "muster status"});
  const spec::Placement placement = spec::read_placement(paths.placement(epoch->attempt));
  const bool is_over = records::read_verdict(paths, epoch->attempt).has_value();
  const Answers answers = is_over ? left_answers(paths, placement) : ask(paths, placement, kPatience_s);
  if (is_over && answers.nodes.empty())
    throw Error::user({.what = text("attempt ", epoch->attempt, " is over, and no rank of it was silent"),
                       .where = paths.folder.string(),
                       .fix = "muster status says how it ended; stacks are of ranks that run, or were silent"});
  if (options.json) {
    for (const spec::NodeStacks& node : answers.nodes) base::print(stdout, spec::node_stacks_text(node));
  } else {
    base::print(stdout,
                text("run    ", paths.folder.string(), ", attempt ", epoch->attempt,
                     is_over ? " (over; this was taken before)" : "", "\n", stacks_page(answers, options.rank)));
  }
  return is_over || answers.silent_hosts.empty() ? 0 : 3;
}

}  // namespace

cli::Verb stacks_verb() {
  return cli::make_verb<StacksOptions>(
      {.name = "stacks",
       .usage = "[RUN] [--rank R] [--json]",
       .summary = "where every rank stands: phase, last collective and native stack; of a silent rank it was kept",
       .example = "muster stacks 4711",
       .max_words = 1},
      [](cli::Flags& flags, StacksOptions& options) {
        flags.add("rank,r", "R", "of this rank only", options.rank);
        cli::add_json_flag(flags, options.json);
      },
      print_stacks);
}

}  // namespace muster::stacks

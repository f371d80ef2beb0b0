// `muster stacks`: where every rank of a run stands, by the agents of its nodes (runtime/spec/stacks.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/cli/verb.h"
#include "runtime/spec/epoch.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/stacks.h"

namespace muster::stacks {

struct Answers {
  std::vector<spec::NodeStacks> nodes;    // by slot
  std::vector<std::string> silent_hosts;  // whose agents have not answered
};

/// Asks the agents of this attempt and waits until all have answered, `patience_s` at most. A file that is broken is an
/// agent that has not answered. throws: Error::user when the question cannot be written.
Answers ask(const spec::RunPaths& paths, const spec::Placement& placement, double patience_s);
/// What agents have left in the folder of the attempt, without asking.
Answers left_answers(const spec::RunPaths& paths, const spec::Placement& placement);

/// "at::native::add" of a mangled name: without arguments and what stands in angle brackets.
std::string function_name(const std::string& symbol);
/// For a person: ranks that stand in the same place are one line, the odd ones first and marked; below, the stack of
/// the main thread (and of threads that run), equal ones once. With `rank` of this one alone, every thread.
std::string stacks_page(const Answers& answers, const std::optional<std::int64_t>& rank);

/// Prints the page, or with --json the nodes' files, one a line. Returns 0, or 3 when a node did not answer.
cli::Verb stacks_verb();

}  // namespace muster::stacks

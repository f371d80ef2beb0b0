#include <cxxabi.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>

#include "launcher/slurm/host_list.h"
#include "launcher/stacks/stacks.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::stacks {
using base::text;
using spec::NodeStacks;
using spec::RankStacks;
using spec::ThreadStack;

namespace {

constexpr std::size_t kInnermost = 16, kOutermost = 8;  // of a long stack; what lies between is counted
constexpr std::size_t kNameColumns = 92;

struct Standing {
  const NodeStacks* node;
  const RankStacks* rank;
};

// "0-2, 7" of ascending numbers.
std::string ranges_text(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    parts.push_back(end - i == 1 ? text(numbers[i]) : text(numbers[i], end - i == 2 ? ", " : "-", numbers[end - 1]));
    i = end;
  }
  return base::join(parts, ", ");
}

std::string place_text(const RankStacks& rank) {
  std::string place = text("step ", rank.step, ", ", rank.phase);
  if (!rank.last_call.empty()) place += text(rank.in_call ? ", in " : ", after ", rank.last_call);
  return place;
}

std::string still_text(double least_s, double most_s) {
  const auto whole = [](double seconds) { return text(static_cast<std::int64_t>(std::round(seconds))); };
  return whole(least_s) == whole(most_s) ? whole(most_s) + " s" : whole(least_s) + "-" + whole(most_s) + " s";
}

std::string frame_text(const spec::StackFrame& frame) {
  char address[32];
  std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(frame.address));
  std::string name = function_name(frame.symbol);
  if (name.empty())
    name = frame.module.empty() ? address : text(std::filesystem::path(frame.module).filename().string(), "+", address);
  if (name.size() > kNameColumns) name = name.substr(0, kNameColumns - 3) + "...";
  return name;
}

std::string state_text(const ThreadStack& thread) {
  std::string state;
  if (thread.state == 'R') state = "running";
  if (thread.state == 'T' || thread.state == 't') state = "stopped";
  if (thread.state == 'D') state = "held by the kernel";
  if (state.empty()) state = "waiting";
  if (!thread.syscall.empty()) state += text(" in ", thread.syscall);
  if (!thread.waits_in.empty()) state += text(" (", thread.waits_in, ")");
  return state;
}

std::string stack_text(const NodeStacks& node, const ThreadStack& thread) {
  if (thread.frames.empty()) return "    it did not answer\n";
  const std::size_t count = thread.frames.size();
  const std::size_t num_between = count > kInnermost + kOutermost ? count - kInnermost - kOutermost : 0;
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) {
    if (num_between > 0 && i == kInnermost) {
      lines += text("    ... ", num_between, " more\n");
      i += num_between;
    }
    lines += text("    ", frame_text(node.frames.at(thread.frames[i])), "\n");
  }
  if (thread.is_cut) lines += "    (called by what cannot be told: no unwinding information there)\n";
  return lines;
}

// Groups in the order of their sizes, the smallest first; equal ones by their first member.
template <class Member>
std::vector<std::pair<std::string, std::vector<Member>>> smallest_first(
    const std::map<std::string, std::vector<Member>>& groups, const std::map<std::string, std::size_t>& order) {
  std::vector<std::pair<std::string, std::vector<Member>>> sorted(groups.begin(), groups.end());
  std::sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
    return std::pair(a.second.size(), order.at(a.first)) < std::pair(b.second.size(), order.at(b.first));
  });
  return sorted;
}

std::vector<std::int64_t> numbers_of(const std::vector<Standing>& standings) {
  std::vector<std::int64_t> numbers;
  for (const Standing& one : standings) numbers.push_back(one.rank->rank);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Where ranks stand, as a table. Ranks that stand elsewhere than most are marked: they hold up the others.
std::string place_table(const std::vector<Standing>& standings) {
  std::map<std::string, std::vector<Standing>> groups;
  std::map<std::string, std::size_t> order;
  for (const Standing& one : standings) {
    const std::string place = place_text(*one.rank);
    order.emplace(place, order.size());
    groups[place].push_back(one);
  }
  const auto sorted = smallest_first(groups, order);
  std::string table;
  for (const auto& [place, members] : sorted) {
    double least_s = members[0].rank->still_s, most_s = least_s;
    for (const Standing& one : members) {
      least_s = std::min(least_s, one.rank->still_s);
      most_s = std::max(most_s, one.rank->still_s);
    }
    const bool is_odd = members.size() < sorted.back().second.size();
    table += text(is_odd ? "* " : "  ", members.size() == 1 ? "rank " : "ranks ", ranges_text(numbers_of(members)),
                  ": ", place, "; no progress for ", still_text(least_s, most_s), "\n");
  }
  return table;
}

std::string hosts_text(const std::vector<Standing>& standings) {
  std::vector<std::string> hosts;
  for (const Standing& one : standings)
    if (std::find(hosts.begin(), hosts.end(), one.node->host) == hosts.end()) hosts.push_back(one.node->host);
  return slurm::compress_hosts(hosts);
}

// The main thread of every rank and those that run, equal stacks once.
std::string folded_stacks(const std::vector<Standing>& standings) {
  std::map<std::string, std::vector<Standing>> groups;
  std::map<std::string, std::size_t> order;
  for (const Standing& one : standings) {
    bool is_main = true;
    for (const ThreadStack& thread : one.rank->threads) {
      if (!is_main && (thread.state != 'R' || thread.frames.empty())) continue;
      const std::string stack = text(is_main ? "main thread" : "thread " + thread.name, ", ", state_text(thread), "\n",
                                     stack_text(*one.node, thread));
      order.emplace(stack, order.size());
      groups[stack].push_back(one);
      is_main = false;
    }
  }
  std::string page;
  for (const auto& [stack, members] : smallest_first(groups, order))
    page += text("\n", members.size() == 1 ? "rank " : "ranks ", ranges_text(numbers_of(members)), " on ",
                 hosts_text(members), ", ", stack);
  return page;
}

std::string all_threads(const Standing& one) {
  std::string page = text("\nrank ", one.rank->rank, " on ", one.node->host, ", process ", one.rank->pid, "\n");
  for (const ThreadStack& thread : one.rank->threads)
    page +=
        text("\n  thread ", thread.id, " ", thread.name, ", ", state_text(thread), "\n", stack_text(*one.node, thread));
  return page;
}

std::string taken_text(const std::vector<NodeStacks>& nodes) {
  std::int64_t time_s = 0;
  std::string reason;
  for (const NodeStacks& node : nodes) {
    time_s = std::max(time_s, node.time_s);
    if (reason.empty() && !node.reason.empty()) reason = text(" on ", node.host, ", since ", node.reason);
  }
  char clock[32];
  const std::time_t time = time_s;
  std::strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S UTC", std::gmtime(&time));
  return text("taken  ", clock, reason, "\n");
}

}  // namespace

std::string function_name(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                     std::free);
  std::string name = status == 0 ? plain.get() : symbol;
  for (const char* word : {"(anonymous namespace)::", "[clone .cold]"})
    for (std::size_t at = name.find(word); at != std::string::npos; at = name.find(word))
      name.erase(at, std::string(word).size());
  std::string kept;
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool is_operator = kept.ends_with("operator") || kept.ends_with("operator<") || kept.ends_with("operator>") ||
                             kept.ends_with("operator-");
    if (name[i] == '(' && depth == 0 && !kept.ends_with("operator")) break;
    if (name[i] == '<' && !is_operator)
      ++depth;
    else if (name[i] == '>' && !is_operator && depth > 0)
      --depth;
    else if (depth == 0)
      kept += name[i];
  }
  // A template's name begins with what it returns.
  if (const std::size_t blank = kept.rfind(' ');
      blank != std::string::npos && kept.find("operator") == std::string::npos)
    kept = kept.substr(blank + 1);
  return kept;
}

std::string stacks_page(const Answers& answers, const std::optional<std::int64_t>& rank) {
  std::vector<Standing> standings;
  for (const NodeStacks& node : answers.nodes)
    for (const RankStacks& one : node.ranks)
      if (!rank || one.rank == *rank) standings.push_back({&node, &one});
  std::string page;
  if (!answers.nodes.empty()) page += taken_text(answers.nodes);
  if (!answers.silent_hosts.empty())
    page += text("no answer from the agents on ", slurm::compress_hosts(answers.silent_hosts), "\n");
  if (standings.empty()) return page + (rank ? text("rank ", *rank, " does not run there\n") : "no rank runs there\n");
  page += "\n" + place_table(standings);
  if (!rank) return page + folded_stacks(standings);
  for (const Standing& one : standings) page += all_threads(one);
  return page;
}

}  // namespace muster::stacks

#include "runtime/node/stack_responder.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/node/take_stacks.h"

namespace muster::node {
namespace {

constexpr double kLook_s = 1, kPatience_s = 1, kWhole_s = 0.25;

spec::RankStacks stacks_of(RankProcess& rank, double still_s, std::vector<spec::StackFrame>& frames) {
  spec::BeatPage& page = rank.page();
  const RankSnapshot snapshot = rank.snapshot();
  spec::RankStacks stacks{.rank = rank.rank(),
                          .pid = page.stacks.pid.load() != 0 ? page.stacks.pid.load() : rank.pid(),
                          .phase = spec::phase_name(snapshot.phase),
                          .step = page.step.load(),
                          .in_call = snapshot.in_call,
                          .calls = static_cast<std::int64_t>(snapshot.calls),
                          .last_call = spec::text_of(page.last_call),
                          .still_s = still_s};
  stacks.threads = gather_stacks(page.stacks, rank.pid(), frames);
  return stacks;
}

}  // namespace

void StackResponder::poll(std::vector<RankProcess>& ranks, const SecondsSinceProgress& still_s) {
  if (base::steady_s() - looked_s_ < kLook_s) return;
  looked_s_ = base::steady_s();
  try {
    const std::filesystem::path file = paths_.stacks_request(attempt_);
    if (!base::is_there(file)) return;
    const std::int64_t number = spec::parse_stacks_request(base::read_file(file), file.string());
    if (number <= answered_) return;
    answered_ = number;
    take(ranks, still_s, "");
  } catch (const Error&) {
    return;  // half written, or the file system is away: the next look has it
  }
}

std::filesystem::path StackResponder::take(std::vector<RankProcess>& ranks, const SecondsSinceProgress& still_s,
                                           const std::string& reason) {
  spec::NodeStacks stacks{.number = answered_,
                          .time_s = static_cast<std::int64_t>(base::wall_clock_s()),
                          .slot = slot_,
                          .host = host_,
                          .reason = reason};
  for (RankProcess& rank : ranks)
    if (rank.runs()) ask_for_stacks(rank.page().stacks);
  const base::Stopwatch watch;
  const auto waits_for = [&](RankProcess& rank) {
    if (!rank.runs()) return false;
    if (watch.elapsed_s() < kWhole_s) ask_again_where_cut(rank.page().stacks);
    return is_awaited(rank.page().stacks);
  };
  while (watch.elapsed_s() < kPatience_s && std::any_of(ranks.begin(), ranks.end(), waits_for))
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  for (RankProcess& rank : ranks)
    if (rank.runs()) stacks.ranks.push_back(stacks_of(rank, still_s(rank.rank()), stacks.frames));
  const std::filesystem::path file = paths_.node_stacks(attempt_, slot_);
  try {
    base::write_file(file, spec::node_stacks_text(stacks));
  } catch (const Error&) {
    return {};
  }
  return file;
}

}  // namespace muster::node

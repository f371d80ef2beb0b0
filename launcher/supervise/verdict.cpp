#include "launcher/supervise/verdict.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/exit_cause.h"

namespace muster::supervise {

using records::Verdict;
namespace {

constexpr int kUserCode = 2;
constexpr std::int64_t kFullDisk_bytes = 256 << 10;

// Node slots of which at least one rank left no record, as "slot 2 (node2)".
std::vector<std::string> silent_slots(const spec::Plan& plan, const spec::Placement& placement,
                                      const std::vector<spec::ExitRecord>& records) {
  std::set<std::int64_t> present;
  for (const spec::ExitRecord& record : records) present.insert(record.rank);
  std::set<std::int64_t> slots;
  for (const spec::RankPlan& rank : plan.ranks)
    if (!present.contains(rank.rank)) slots.insert(rank.node_slot);
  std::vector<std::string> names;
  for (const std::int64_t slot : slots)
    names.push_back(base::text("slot ", slot, " (", placement.nodes.at(slot).host, ")"));
  return names;
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? std::to_string(signal) : base::text("SIG", name);
}

}  // namespace

std::vector<spec::ExitRecord> read_exit_records(const spec::Plan& plan, const spec::Placement& placement) {
  std::vector<base::Fault> broken;  // they count as missing, and the verdict says so
  return spec::read_exit_records(plan, {plan.run_folder}, placement, broken);
}

Verdict judge(const spec::Plan& plan, const spec::Placement& placement, const std::vector<spec::ExitRecord>& records,
              int stop_signal, const StarterEnd& starter) {
  Verdict verdict{.attempt = placement.attempt};
  const spec::ExitRecord* cause = spec::cause_of(records);
  const bool complete = records.size() == plan.ranks.size();
  if (cause == nullptr && complete) {
    verdict.sentence =
        records.size() == 1 ? "its one rank finished" : base::text("all ", records.size(), " ranks finished");
    return verdict;
  }
  if (cause != nullptr && !cause->ended_by_agent && (stop_signal == 0 || cause->signal != stop_signal)) {
    verdict.code = spec::exit_code_of(*cause);
    verdict.sentence = spec::exit_sentence(*cause);
    verdict.rank = cause->rank;
    return verdict;
  }
  if (stop_signal != 0) {
    verdict.code = 128 + stop_signal;
    verdict.sentence = base::text("ended by ", signal_name(stop_signal));
    return verdict;
  }
  const std::vector<std::string> slots = silent_slots(plan, placement, records);
  // Nothing at all was started: the cluster's affair. Something ran and was lost: a rank died.
  verdict.code = records.empty() && !starter.text.empty() ? 3 : 4;
  if (starter.code == kUserCode) verdict.code = kUserCode;
  verdict.sentence = slots.empty() ? std::string("the ranks were ended, but no record says why")
                                   : base::text(plan.ranks.size() - records.size(), " of ", plan.ranks.size(),
                                                " ranks left no exit record: the node agent of ",
                                                base::join(slots, ", "), " did not start or was lost");
  if (!starter.text.empty()) verdict.sentence += "; " + starter.text;
  return verdict;
}

void blame_full_disk(Verdict& verdict, std::int64_t missing_records, std::int64_t free_bytes,
                     const std::filesystem::path& run_folder) {
  if ((verdict.code != 3 && verdict.code != 4) || missing_records == 0 || free_bytes >= kFullDisk_bytes) return;
  verdict.code = kUserCode;
  verdict.sentence = base::text("the disk of ", run_folder.string(), " is full (", base::bytes_text(free_bytes),
                                " free): free some space there; ", verdict.sentence);
}

}  // namespace muster::supervise

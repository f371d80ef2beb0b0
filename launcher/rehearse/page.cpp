#include "launcher/rehearse/page.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/columns.h"
#include "runtime/base/text.h"

namespace muster::rehearse {
namespace {

using base::left;
using base::number_text;
using base::right;
using base::text;
using nlohmann::ordered_json;
using spec::MemoryOwner;

std::string gb(double bytes) {
  const double value = bytes / 1e9;
  return number_text(value, value < 0.0995 ? 4 : 2);
}

/// What a rehearsal sees nothing of.
bool is_outside(MemoryOwner owner) {
  return owner == MemoryOwner::communicators || owner == MemoryOwner::context || owner == MemoryOwner::slack;
}

double sum_of(const ordered_json& owners) {
  double sum = 0;
  for (const auto& [owner, bytes] : owners.items()) sum += bytes.get<double>();
  return sum;
}

std::string phase_line(const spec::Plan& plan, const Kind& kind, const ordered_json& phase) {
  const std::string name = phase["phase"];
  const double peak = phase["peak_bytes"], flops = phase["flops"], needed = phase["needed_flops"],
               chosen = phase["chosen_flops"];
  const ordered_json predicted = predicted_owners(plan, kind.rank, name);
  const double wanted = needed + chosen;
  return text("  ", left(name, 10), right(gb(peak), 9), right(predicted.is_null() ? "-" : gb(sum_of(predicted)), 9),
              right(flops > 0 ? number_text(flops / 1e12, 1) : "-", 12),
              right(needed > 0 ? number_text(needed / 1e12, 1) : "-", 11),
              right(chosen > 0 ? number_text(chosen / 1e12, 1) : "-", 11),
              right(wanted > 0 ? number_text(flops / wanted, 3) : "-", 8),
              right(text(phase["operations"].get<std::int64_t>()), 12),
              right(text(phase["host_waits"].get<std::int64_t>()), 7), "\n");
}

}  // namespace

ordered_json predicted_owners(const spec::Plan& plan, std::int64_t rank, const std::string& phase) {
  const spec::RankPlan& self = plan.ranks.at(rank);
  const std::int64_t stage = self.train_rank ? spec::place_of(plan.train, *self.train_rank).pp : 0;
  // Of the generator's stages the last one needs most: it has the logits.
  const bool is_largest = !self.gen_rank || spec::place_of(plan.generate, *self.gen_rank).pp == plan.generate.pp - 1;
  if (phase == spec::phase_name(spec::Phase::generate) && !is_largest) return {};
  for (const spec::RankMemory& memory : spec::memory_of(plan)) {
    if (memory.trains != self.train_rank.has_value() || memory.generates != self.gen_rank.has_value()) continue;
    for (const spec::PhaseMemory& one : memory.phases) {
      if (spec::phase_name(one.phase) != phase || one.stage != stage) continue;
      ordered_json owners = ordered_json::object();
      for (const MemoryOwner owner : spec::kMemoryOwners)
        if (!is_outside(owner) && one.device.of(owner) > 0)
          owners[spec::memory_owner_name(owner)] = one.device.of(owner);
      return owners;
    }
  }
  return {};
}

std::string kind_page(const spec::Plan& plan, const Kind& kind, const ordered_json& found) {
  std::string page =
      text("\nrank ", kind.rank, " ", kind.what, kind.count > 1 ? text(", as ", kind.count - 1, " more") : "", "\n  ",
           left("phase", 10), right("peak GB", 9), right("planned", 9), right("TFLOPs", 12), right("needed", 11),
           right("chosen", 11), right("ratio", 8), right("operations", 12), right("waits", 7), "\n");
  const ordered_json& phases = found["phases"];
  for (const ordered_json& phase : phases) page += phase_line(plan, kind, phase);

  page += text("\n  ", left("owner, GB", 20));
  for (const ordered_json& phase : phases) page += right(phase["phase"].get<std::string>(), 9) + right("planned", 9);
  page += "\n";
  for (const MemoryOwner owner : spec::kMemoryOwners) {
    const char* const name = spec::memory_owner_name(owner);
    std::string line = text("  ", left(name, 20));
    bool is_there = false;
    for (const ordered_json& phase : phases) {
      const double held = phase["owners"].value(name, 0.0);
      const ordered_json owners = predicted_owners(plan, kind.rank, phase["phase"]);
      const double predicted = owners.is_null() ? 0 : owners.value(name, 0.0);
      is_there = is_there || held > 0 || predicted > 0;
      line += right(held > 0 ? gb(held) : "-", 9) + right(predicted > 0 ? gb(predicted) : "-", 9);
    }
    if (is_there) page += line + "\n";
  }

  page += text("\n  ", left("calls", 12), left("communicator", 16), left("kind", 16), left("for", 24),
               right("count", 8), right("GB", 10), "\n");
  for (const ordered_json& phase : phases)
    for (const ordered_json& call : phase["calls"])
      page += text("  ", left(phase["phase"].get<std::string>(), 12), left(call["communicator"].get<std::string>(), 16),
                   left(call["kind"].get<std::string>(), 16), left(call["label"].get<std::string>(), 24),
                   right(text(call["count"].get<std::int64_t>()), 8), right(gb(call["bytes"].get<double>()), 10), "\n");
  return page;
}

std::string head_line(const spec::Plan& plan, const std::string& lengths, const ordered_json& found,
                      std::size_t num_kinds) {
  const auto samples = found["samples"].get<double>();
  return text(plan.job.name, " on cluster ", plan.cluster, ": one step of ", found["samples"].get<std::int64_t>(),
              " samples, in the mean ", number_text(found["prompt_tokens"].get<double>() / samples, 0), " + ",
              number_text(found["answer_tokens"].get<double>() / samples, 0), " tokens (", lengths, "), ",
              plan.ranks.size(), " ranks, ", num_kinds, num_kinds == 1 ? " rehearsed\n" : " kinds rehearsed\n");
}

std::string foot_text() {
  return "\npeak: bytes of tensors when most are held. planned: the same by muster plan's arithmetic, of the stage "
         "that\n"
         "needs most. needed: each token once; chosen: again by train.recompute and train.logprob_chunk_tokens, at\n"
         "most, and after preemptions in a small cache. waits: how often the host waits for the device. Not in it:\n"
         "temporaries inside kernels, contexts, communicators' buffers, fragmentation, checksums of the refit, the\n"
         "grading of answers.\n";
}

}  // namespace muster::rehearse

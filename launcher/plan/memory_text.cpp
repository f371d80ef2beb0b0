#include "launcher/plan/memory_text.h"

#include <algorithm>
#include <cmath>

#include "launcher/page/wrapped.h"
#include "launcher/plan/show.h"
#include "runtime/base/columns.h"
#include "runtime/base/text.h"

namespace muster::plan {

using base::left;
using base::right;
using base::text;
using spec::MemoryOwner;

namespace {

constexpr std::size_t kName = 20, kColumn = 12;
constexpr int kBar = 40;

std::string gb(std::int64_t bytes, int decimals = 1) {
  const double value = static_cast<double>(bytes) / 1e9;
  return base::number_text(value, value > 0 && value < 0.05 ? 4 : decimals);
}

bool is_estimate(MemoryOwner owner) {
  return owner == MemoryOwner::activations || owner == MemoryOwner::logits || owner == MemoryOwner::communicators ||
         owner == MemoryOwner::context || owner == MemoryOwner::slack;
}

/// One line where the owner holds something in some phase.
std::string owner_line(const spec::RankMemory& rank, MemoryOwner owner) {
  std::string line = left(text("  ", is_estimate(owner) ? "~ " : "  ", spec::memory_owner_name(owner)), kName + 2);
  bool is_there = false;
  for (const spec::PhaseMemory& phase : rank.phases) {
    const std::int64_t device = phase.device.of(owner), host = phase.host.of(owner);
    const bool waits = device == 0 && host > 0 && owner != MemoryOwner::context;
    line += right(device > 0 ? gb(device) : waits ? "host" : "-", kColumn);
    is_there = is_there || device > 0;
  }
  return is_there ? line + "\n" : "";
}

std::string total_line(const spec::RankMemory& rank, const char* name,
                       const spec::MemoryFigures spec::PhaseMemory::*side) {
  std::string line = left(text("    ", name), kName + 2);
  for (const spec::PhaseMemory& phase : rank.phases) line += right(gb((phase.*side).total()), kColumn);
  return line + "\n";
}

std::string bar_line(const spec::PhaseMemory& phase, double limit_gb) {
  const double used = static_cast<double>(phase.device.total()) / 1e9;
  const int full = std::min(kBar, static_cast<int>(std::lround(used / limit_gb * kBar)));
  std::string bar;
  for (int i = 0; i < kBar; ++i) bar += i < full ? "█" : "░";
  const double rest = limit_gb - used;
  return text("    ", left(spec::phase_name(phase.phase), 12), bar, "  ", base::number_text(used, 1), " of ",
              base::number_text(limit_gb, 1), " GB, ", base::number_text(std::abs(rest), 1),
              rest >= 0 ? " free\n" : " TOO MUCH\n");
}

std::string moves_sentence(spec::OffloadLevel moves) {
  switch (moves) {
    case spec::OffloadLevel::none:
      return "";
    case spec::OffloadLevel::pages:
      return "pages of the cache are given back while the others work";
    case spec::OffloadLevel::state:
      return "outside their phase pages and gradients are given back, optimizer state and reference wait on the host";
    case spec::OffloadLevel::weights:
      return "outside their phases pages, gradients and the generator's weights are given back; the trainer's weights, "
             "optimizer state and reference wait on the host";
  }
  return "";
}

std::string cache_sentence(const spec::RankMemory& rank, const spec::Job& job) {
  const std::int64_t page = job.gen.page_tokens;
  return text("the cache has ", rank.kv_pages, " pages of ", page, " tokens, room for ", rank.kv_pages * page / 1000,
              " k tokens; the running samples of a rank need ", rank.needed_kv_pages * page / 1000, " k at most");
}

std::string role_page(const spec::Plan& plan, const cluster::Cluster& cluster, const spec::RankMemory& rank) {
  const char* role = rank.trains && rank.generates ? "" : rank.trains ? " that trains" : " that generates";
  std::string page = "\n" + left(text("memory of a rank", role), kName + 2);
  for (const spec::PhaseMemory& phase : rank.phases) page += right(spec::phase_name(phase.phase), kColumn);
  page += "   GB\n";
  for (const MemoryOwner owner : spec::kMemoryOwners) page += owner_line(rank, owner);
  page += total_line(rank, plan.device == "cuda" ? "on the GPU" : "total", &spec::PhaseMemory::device);
  page += total_line(rank, "on the host", &spec::PhaseMemory::host);
  if (plan.device_memory_gb > 0)
    for (const spec::PhaseMemory& phase : rank.phases) page += bar_line(phase, plan.device_memory_gb);
  std::vector<std::string> notes;
  if ((rank.trains && plan.job.train.pp > 1) || (rank.generates && plan.job.gen.pp > 1))
    notes.emplace_back("each phase shows the pipeline stage that needs most");
  if (rank.moves != spec::OffloadLevel::none) notes.push_back(moves_sentence(rank.moves));
  if (rank.generates) notes.push_back(cache_sentence(rank, plan.job));
  if (cluster.host_memory_gb > 0)
    notes.push_back(text("the host holds ", gb(rank.most_host_bytes() * plan.ranks_per_node, 0), " of ",
                         base::number_text(cluster.host_memory_gb, 0), " GB of a node"));
  for (const std::string& note : notes) page += page::wrapped(note, 4);
  return page;
}

}  // namespace

std::string memory_page(const spec::Plan& plan, const cluster::Cluster& cluster) {
  std::string page;
  for (const spec::RankMemory& rank : spec::memory_of(plan)) page += role_page(plan, cluster, rank);
  return page.empty() ? page : page + "    ~ estimated\n";
}

}  // namespace muster::plan

// Every layout is planned as `muster plan` would, so that what is offered can be submitted.
#include "launcher/tune/search.h"

#include <algorithm>
#include <optional>

#include "launcher/estimate/page.h"
#include "runtime/base/text.h"
#include "runtime/spec/phase_memory.h"
#include "runtime/spec/supported.h"

namespace muster::tune {
namespace {

using base::text;

/// Trainers that get every generator.
constexpr std::size_t kBestTrainers = 4;

class Search {
 public:
  explicit Search(const plan::Request& request)
      : request_(request), today_(plan::make_plan(request)), muster_(estimate::shipped_coefficients().muster) {}

  Found run() {
    Candidate today;
    if (!estimated(today_, today))
      throw Error::user({.what = text("the seconds of this job cannot be estimated on cluster ", today_.plan.cluster),
                         .where = today_.plan.cluster,
                         .fix = "give gpu.memory_gb_per_s and gpu.bf16_tflops in the cluster file; local has no GPUs"});
    if (today.free_gb >= 0) found_.candidates.push_back(today);
    try_trainers();
    sort();
    try_generators();
    sort();
    return std::move(found_);
  }

 private:
  bool estimated(const plan::Planned& planned, Candidate& candidate) const {
    const auto counts = estimate::step_counts(planned.plan, planned.cluster, estimate::known_lengths(today_));
    if (!counts) return false;
    candidate.seconds = estimate::step_seconds(*counts, muster_);
    candidate.train = planned.plan.train;
    candidate.generate = planned.plan.generate;
    candidate.recompute = planned.plan.job.train.recompute;
    std::int64_t most = 0;
    for (const spec::RankMemory& rank : spec::memory_of(planned.plan))
      most = std::max(most, rank.largest().device.total());
    candidate.free_gb = planned.plan.device_memory_gb - static_cast<double>(most) / 1e9;
    for (const base::Fault& fault : spec::unsupported(planned.plan)) candidate.unsupported.push_back(fault.what);
    return true;
  }

  void try_one(const std::vector<std::string>& changes) {
    ++found_.tried;
    plan::Request request = request_;
    request.overrides.insert(request.overrides.end(), changes.begin(), changes.end());
    try {
      const plan::Planned planned = plan::make_plan(request);
      Candidate candidate{.changes = changes};
      if (!estimated(planned, candidate) || candidate.free_gb < 0) return;
      const bool is_there =
          std::any_of(found_.candidates.begin(), found_.candidates.end(), [&](const Candidate& other) {
            return other.train == candidate.train && other.generate == candidate.generate &&
                   other.recompute == candidate.recompute;
          });
      if (!is_there) found_.candidates.push_back(std::move(candidate));
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;  // a layout that is refused is no candidate
    }
  }

  /// Stages of as even a number of layers as can be: the last has fewer where they do not divide.
  std::optional<std::vector<std::string>> stages(std::int64_t pp) const {
    if (pp == today_.plan.job.train.pp) return std::vector<std::string>{};
    const std::int64_t layers = today_.plan.model.num_layers, each = (layers + pp - 1) / pp;
    const std::int64_t last = layers - each * (pp - 1);
    if (last < 1) return std::nullopt;
    const bool is_even = last == each;
    return std::vector<std::string>{text("train.pp=", pp), text("train.first_stage_layers=", is_even ? 0 : each),
                                    text("train.last_stage_layers=", is_even ? 0 : last)};
  }

  void try_trainers() {
    const spec::Job& job = today_.plan.job;
    const std::int64_t ranks = today_.plan.train.ranks();
    const bool has_experts = today_.plan.model.num_experts > 0;
    const std::vector<std::int64_t> eps =
        has_experts ? std::vector<std::int64_t>{8, 16, 32, 64} : std::vector<std::int64_t>{1};
    for (const std::int64_t pp : {1, 2, 4, 8, 16}) {
      const auto cut = stages(pp);
      for (const std::int64_t tp : {1, 2, 4, 8}) {
        if (!cut || ranks % (tp * pp * job.train.cp) != 0) continue;
        const std::int64_t dp = ranks / (tp * pp * job.train.cp);
        for (const std::int64_t ep : eps) {
          if ((tp * job.train.cp * dp) % ep != 0) continue;
          for (const char* recompute : {"none", "full"}) {
            std::vector<std::string> changes = *cut;
            changes.push_back(text("train.tp=", tp));
            changes.push_back(text("train.dp=", dp));
            if (has_experts) changes.push_back(text("train.ep=", ep));
            changes.push_back(text("train.recompute=", recompute));
            try_one(changes);
          }
        }
      }
    }
  }

  void try_generators() {
    const std::int64_t ranks = today_.plan.generate.ranks(), pp = today_.plan.generate.pp;
    const std::vector<Candidate> best(
        found_.candidates.begin(),
        found_.candidates.begin() + static_cast<std::ptrdiff_t>(std::min(kBestTrainers, found_.candidates.size())));
    for (const Candidate& trainer : best)
      for (const std::int64_t tp : {1, 2, 4, 8, 16, 32}) {
        if (ranks % (tp * pp) != 0 || tp == trainer.generate.tp) continue;
        std::vector<std::string> changes = trainer.changes;
        changes.push_back(text("gen.tp=", tp));
        changes.push_back(text("gen.dp=", ranks / (tp * pp)));
        try_one(changes);
      }
  }

  void sort() {
    std::stable_sort(found_.candidates.begin(), found_.candidates.end(), [](const Candidate& a, const Candidate& b) {
      return a.seconds.tokens_per_s_per_gpu > b.seconds.tokens_per_s_per_gpu;
    });
  }

  plan::Request request_;
  plan::Planned today_;
  estimate::Coefficients muster_;
  Found found_;
};

}  // namespace

Found search(const plan::Request& request) { return Search(request).run(); }

}  // namespace muster::tune

#include "runtime/spec/phase_memory.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/spec/activations.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::spec {

namespace {

constexpr std::int64_t kMB = 1'000'000;
// Estimates, to be replaced by what a run measures: a CUDA context with the kernels of ATen, cuBLAS and FlashInfer and
// their workspaces; captured graphs; NCCL's channels of one communicator, and its buffers for one peer of
// point-to-point traffic; the share of transient blocks that an allocator loses between them.
constexpr std::int64_t kContext_bytes = 1500 * kMB;
constexpr std::int64_t kCommunicator_bytes = 250 * kMB, kPeer_bytes = 16 * kMB;
constexpr std::int64_t kSlackPart = 8;
constexpr std::int64_t kGpuProcess_bytes = 3000 * kMB, kCpuProcess_bytes = 100 * kMB;

/// A rank of one stage, under what `rank` chooses at the moment.
class StageMemory {
 public:
  StageMemory(const ModelFacts& facts, const Job& job, const RankLimits& limits, const RankMemory& rank,
              std::int64_t gen_weights, std::int64_t stage)
      : facts_(facts), job_(job), limits_(limits), rank_(rank), stage_(stage), gen_weights_(gen_weights) {
    if (rank.trains) {
      trainer_ = trainer_memory(facts, job, stage);
      training_ = training_activations(facts, job, stage);
      scoring_ = scoring_activations(facts, job, stage);
    }
    if (rank.generates) {
      generating_ = generating_activations(facts, job);
      page_bytes_ = kv_page_bytes(facts, job);
    }
    aliases_ = rank.trains && rank.generates && gen_weights_ == 0;
  }

  PhaseMemory of(Phase phase) const {
    PhaseMemory memory{.phase = phase, .stage = stage_};
    for (const MemoryOwner owner : {MemoryOwner::weights, MemoryOwner::reference_weights, MemoryOwner::main_weights,
                                    MemoryOwner::moments, MemoryOwner::gradients})
      place(owner, trainer_.of(owner), phase, memory);
    place(MemoryOwner::gen_weights, gen_weights_, phase, memory);
    place(MemoryOwner::kv_pages, rank_.kv_pages * page_bytes_, phase, memory);
    add_transient(phase, memory);
    add_fixed(memory);
    if (phase == Phase::checkpoint) {  // a copy of what is written, while the device goes on
      const std::int64_t own = trainer_.of(MemoryOwner::moments) / 8;
      memory.host.of(MemoryOwner::weights) += own * bytes_per_element(job_.model.dtype);
      memory.host.of(MemoryOwner::main_weights) += trainer_.of(MemoryOwner::main_weights);
      memory.host.of(MemoryOwner::moments) += trainer_.of(MemoryOwner::moments);
    }
    return memory;
  }

 private:
  void place(MemoryOwner owner, std::int64_t bytes, Phase phase, PhaseMemory& memory) const {
    if (is_on_device(owner, phase, rank_.moves, aliases_))
      memory.device.of(owner) = bytes;
    else if (!is_given_back(owner))
      memory.host.of(owner) = bytes;
  }

  void add_transient(Phase phase, PhaseMemory& memory) const {
    const Activations& activations = phase == Phase::train      ? training_
                                     : phase == Phase::logprob  ? scoring_
                                     : phase == Phase::generate ? generating_
                                                                : none_;
    memory.device.of(MemoryOwner::activations) = activations.kept_bytes;
    memory.device.of(MemoryOwner::logits) = activations.logits_bytes;
    if (phase != Phase::refit || aliases_) return;
    // What is packed to be sent, and what arrives.
    const std::int64_t most = std::max(trainer_.of(MemoryOwner::weights), gen_weights_);
    memory.device.of(MemoryOwner::refit_buffers) = 2 * std::min(job_.refit.bucket_mb << 20, most);
  }

  void add_fixed(PhaseMemory& memory) const {
    const std::int64_t workers = job_.reward.workers * static_cast<std::int64_t>(job_.reward.max_memory_gb * 1e9);
    memory.host.of(MemoryOwner::context) = (limits_.is_gpu ? kGpuProcess_bytes : kCpuProcess_bytes) +
                                           (rank_.generates && !is_synthetic(job_) ? workers : 0);
    if (!limits_.is_gpu) return;
    memory.device.of(MemoryOwner::context) = kContext_bytes;
    std::int64_t communicators = 1, peers = 0;  // the world's
    const auto count = [&](const Degrees& degrees) {
      for (const Axis axis : {Axis::tp, Axis::cp, Axis::dp_cp, Axis::pp, Axis::ep, Axis::edp})
        communicators += degrees.of(axis) > 1 && (axis != Axis::edp || facts_.num_experts > 0) ? 1 : 0;
      peers += degrees.ep + (degrees.pp > 1 ? 2 : 0);
    };
    if (rank_.trains) count(train_degrees(job_));
    if (rank_.generates) count(gen_degrees(job_));
    memory.device.of(MemoryOwner::communicators) = communicators * kCommunicator_bytes + peers * kPeer_bytes;
    memory.device.of(MemoryOwner::slack) =
        (memory.device.of(MemoryOwner::activations) + memory.device.of(MemoryOwner::logits)) / kSlackPart;
  }

  const ModelFacts& facts_;
  const Job& job_;
  const RankLimits& limits_;
  const RankMemory& rank_;
  std::int64_t stage_;
  std::int64_t gen_weights_, page_bytes_ = 0;
  MemoryFigures trainer_;
  Activations training_, scoring_, generating_, none_;
  bool aliases_ = false;
};

std::vector<Phase> phases_of(const Job& job, const RankMemory& rank) {
  std::vector<Phase> phases;
  if (rank.generates) phases.push_back(Phase::generate);
  if (rank.trains && !(job.loss.force_on_policy && !uses_reference(job))) phases.push_back(Phase::logprob);
  if (rank.trains) phases.push_back(Phase::train);
  phases.push_back(Phase::refit);
  if (rank.trains && job.checkpoint.every > 0) phases.push_back(Phase::checkpoint);
  return phases;
}

/// Of each phase the stage that needs most.
void fill_phases(const Job& job, const std::vector<StageMemory>& stages, RankMemory& rank) {
  rank.phases.clear();
  for (const Phase phase : phases_of(job, rank)) {
    PhaseMemory worst = stages.front().of(phase);
    for (const StageMemory& stage : stages) {
      PhaseMemory memory = stage.of(phase);
      if (memory.device.total() > worst.device.total()) worst = memory;
    }
    rank.phases.push_back(worst);
  }
}

/// What may move: of a rank with one role only what that role uses in one of its phases.
std::vector<OffloadLevel> choices(const RankMemory& rank) {
  if (rank.trains && rank.generates)
    return {OffloadLevel::none, OffloadLevel::pages, OffloadLevel::state, OffloadLevel::weights};
  if (rank.trains) return {OffloadLevel::none, OffloadLevel::state};
  return {OffloadLevel::none};
}

/// Pages for which every phase that holds them has room.
std::int64_t room_pages(const RankMemory& empty, const RankLimits& limits, std::int64_t page_bytes) {
  std::int64_t room = limits.device_bytes;
  for (const PhaseMemory& phase : empty.phases) {
    if (phase.phase != Phase::generate && empty.moves >= OffloadLevel::pages) continue;
    room = std::min(room, limits.device_bytes - phase.device.total());
  }
  return std::max<std::int64_t>(0, room) / page_bytes;
}

bool fits(const RankMemory& rank, const RankLimits& limits) {
  return std::all_of(rank.phases.begin(), rank.phases.end(),
                     [&](const PhaseMemory& phase) { return phase.device.total() <= limits.device_bytes; });
}

/// What the cache is promised, and what it may take beyond that.
struct Promise {
  std::int64_t least = 0, most = 0;
};

Promise promised_pages(const ModelFacts& facts, const Job& job, const RankLimits& limits, bool is_trainer) {
  const std::int64_t page = kv_page_bytes(facts, job), needed = needed_kv_pages(facts, job);
  if (job.gen.kv_gb > 0) return {planned_kv_pages(facts, job), planned_kv_pages(facts, job)};
  if (job.gen.memory_share > 0) {
    std::int64_t weights = gen_weights_bytes(facts, job, is_trainer);
    if (weights == 0) weights = trainer_memory(facts, job, 0).of(MemoryOwner::weights);  // the ones it reads
    const auto share = static_cast<std::int64_t>(job.gen.memory_share * static_cast<double>(limits.device_bytes));
    const std::int64_t pages = std::min(needed, std::max<std::int64_t>(0, share - weights) / page);
    return {pages, pages};
  }
  return {std::min(needed, limits.device_bytes / 4 / page), needed};
}

}  // namespace

namespace {

bool is_used(MemoryOwner owner, Phase phase, bool aliases) {
  switch (owner) {
    case MemoryOwner::weights:
      return phase != Phase::generate || aliases;
    case MemoryOwner::reference_weights:
      return phase == Phase::logprob;
    case MemoryOwner::gen_weights:
      return phase == Phase::generate || phase == Phase::refit;
    case MemoryOwner::kv_pages:
      return phase == Phase::generate;
    case MemoryOwner::gradients:
      return phase == Phase::train;
    default:
      return phase == Phase::train || phase == Phase::checkpoint;
  }
}

/// The least choice with which the owner leaves the device.
OffloadLevel leaves_with(MemoryOwner owner) {
  if (owner == MemoryOwner::kv_pages) return OffloadLevel::pages;
  if (owner == MemoryOwner::weights || owner == MemoryOwner::gen_weights) return OffloadLevel::weights;
  return OffloadLevel::state;
}

}  // namespace

bool is_on_device(MemoryOwner owner, Phase phase, OffloadLevel moves, bool aliases) {
  return moves < leaves_with(owner) || is_used(owner, phase, aliases);
}

bool is_given_back(MemoryOwner owner) {
  return owner == MemoryOwner::kv_pages || owner == MemoryOwner::gradients || owner == MemoryOwner::gen_weights;
}

const char* offload_level_name(OffloadLevel moves) {
  constexpr std::array<const char*, 4> kNames{"none", "pages", "state", "weights"};
  return kNames[static_cast<std::size_t>(moves)];
}

const PhaseMemory& RankMemory::largest() const {
  INVARIANT(!phases.empty(), "a rank has a phase");
  return *std::max_element(phases.begin(), phases.end(), [](const PhaseMemory& a, const PhaseMemory& b) {
    return a.device.total() < b.device.total();
  });
}

std::int64_t RankMemory::most_host_bytes() const {
  std::int64_t most = 0;
  for (const PhaseMemory& phase : phases) most = std::max(most, phase.host.total());
  return most;
}

RankMemory rank_memory(const ModelFacts& facts, const Job& job, const RankLimits& limits, bool trains, bool generates) {
  RankMemory rank{.trains = trains, .generates = generates};
  const std::int64_t gen_weights = generates ? gen_weights_bytes(facts, job, trains) : 0;
  std::vector<StageMemory> stages;
  for (std::int64_t stage = 0; stage < (trains ? job.train.pp : 1); ++stage)
    stages.emplace_back(facts, job, limits, rank, gen_weights, stage);
  if (generates) rank.needed_kv_pages = needed_kv_pages(facts, job);
  if (!limits.is_gpu || limits.device_bytes == 0) {
    if (generates) rank.kv_pages = planned_kv_pages(facts, job);
    fill_phases(job, stages, rank);
    return rank;
  }
  const std::int64_t page = generates ? kv_page_bytes(facts, job) : 1;
  const Promise promise = generates ? promised_pages(facts, job, limits, trains) : Promise{};
  const std::int64_t one_sample =
      generates ? (job.grpo.max_sequence_tokens + job.gen.page_tokens - 1) / job.gen.page_tokens : 0;
  for (const OffloadLevel moves : choices(rank)) {
    rank.moves = moves;
    rank.kv_pages = 0;
    fill_phases(job, stages, rank);
    const std::int64_t room = room_pages(rank, limits, page);
    if (generates) rank.kv_pages = std::max(std::min(room, promise.most), one_sample);
    if (fits(rank, limits) && room >= std::max(promise.least, one_sample)) break;
  }
  fill_phases(job, stages, rank);
  return rank;
}

std::int64_t exact_bytes(const MemoryFigures& device) {
  std::int64_t exact = 0;
  for (const MemoryOwner owner :
       {MemoryOwner::weights, MemoryOwner::gen_weights, MemoryOwner::reference_weights, MemoryOwner::main_weights,
        MemoryOwner::moments, MemoryOwner::gradients, MemoryOwner::kv_pages})
    exact += device.of(owner);
  return exact;
}

}  // namespace muster::spec

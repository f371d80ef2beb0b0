// The generator: continuous batching over a paged cache. The prompt of a group is prefilled once and its pages shared
// by all its samples. Its layers may lie on the stages of a pipeline, through which groups of samples rotate
// (rotation.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/generate/sample.h"
#include "runtime/generate/scheduler.h"
#include "runtime/model/decoder.h"
#include "runtime/spec/job.h"

namespace muster::comm {
class Communicator;
}

namespace muster::generate {

struct GeneratorOptions {
  spec::SamplingJob sampling;
  std::uint64_t seed = 0;
  std::int64_t max_sequence_tokens = 0;
  std::int64_t page_tokens = 16;
  std::int64_t num_pages = 0;
  std::int64_t max_batch_tokens = 8192;
  std::int64_t max_running_samples = 256;
  std::vector<std::int32_t> stop_tokens;
};

/// Called as each sample ends (on every tp and pp rank, in the same order), so that rewards overlap with generation.
using OnSample = std::function<void(const Sample&)>;
/// Called once a pass: progress for the beat.
using OnProgress = std::function<void()>;
/// Asked between two passes on the first rank of a replica: whether the loop waits for this generator.
using IsCalled = std::function<bool()>;

/// What the last call of generate did. schedule_s, forward_s (with the logits and what the stages of a pipeline hand
/// on) and sample_s add up to nearly all of it.
struct GenerateFigures {
  SchedulerFigures schedule;
  double schedule_s = 0, forward_s = 0, sample_s = 0;
};

class Generator {
 public:
  /// Allocates the pages: of a stage of pp those of its own layers, which are one even part of the model's. collective
  /// over tp and pp in every call of generate: all of these ranks pass the same requests. Replicas that share experts
  /// (decoder.ep()) pass in lockstep: one that has no work takes part in the passes of the others.
  Generator(const model::Decoder& decoder, comm::Communicator& tp, comm::Communicator& pp,
            const GeneratorOptions& options, at::ScalarType dtype, at::Device device);
  ~Generator();

  /// Samples of all requests, ordered by (group, index), on every rank of tp and pp. It takes the pages of all that
  /// run_until left unfinished, which are computed again later. Keyed by (seed, step, group,
  /// sample, position): independent of batch and layout. throws: Error::user when one prompt alone cannot fit the
  /// pages.
  std::vector<Sample> generate(std::span<const Request> requests, std::int64_t step, std::int64_t weight_version,
                               const OnSample& on_sample, const OnProgress& on_progress);
  // Generation that goes on from step to step. Samples of several steps run at once, the oldest first, and stay where
  // they are while the caller does something else, such as a refit: what is called between two passes finds no pass
  // under way, on any rank of tp, pp and ep.

  /// Begins the samples of one more step. Every replica calls it for the same steps, in their order. throws: as
  /// generate.
  void add(std::vector<Request> requests, std::int64_t step);
  /// Passes until all samples have ended, of every replica that shares experts, or until one is called: then no pass
  /// enters any more, and those under way go through the stages. Ranks agree on it before each pass by a maximum.
  /// collective: tp, pp, ep.
  void run_until(const IsCalled& is_called, const OnSample& on_sample, const OnProgress& on_progress);
  /// Whether all samples of a step that was added have ended.
  bool has_ended(std::int64_t step) const;
  /// The samples of the oldest step that was added, which have ended: as those of generate.
  std::vector<Sample> take(std::int64_t step);
  /// The weights are others now: the tokens from here on are theirs. Samples that run keep their keys and values of the
  /// weights before, or compute them again (recompute_kv).
  void set_weight_version(std::int64_t version, bool recompute_kv);

  /// From the next call on; the bound on new tokens too.
  void set_sampling(const spec::SamplingJob& sampling);
  const GenerateFigures& figures() const;
  std::int64_t cache_bytes() const;
  /// The pages, one tensor for keys and one for values of each layer: for whoever takes their memory away between calls
  /// of generate.
  std::vector<at::Tensor> pages() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::generate

// From logits to tokens and their log-probabilities. The vocabulary may be cut over tp: each rank finds the best of its
// part, and one small all_gather decides (with top-k or top-p the rows themselves are gathered). The noise belongs to
// (seed, step, group, sample, position, entry), so equal logits give equal tokens in any batch and layout.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/generate/scheduler.h"
#include "runtime/spec/job.h"
#include "runtime/spec/layout.h"

namespace at {
class Tensor;
}
namespace muster::comm {
class Communicator;
}

namespace muster::generate {

class Sampler {
 public:
  /// vocabulary: the range of the `vocab_size` entries that this rank's logits cover: spec::part_of(vocab_size, tp, tp
  /// rank).
  Sampler(const spec::SamplingJob& sampling, std::uint64_t seed, const spec::Range& vocabulary,
          std::int64_t vocab_size);

  /// logits_RV: this rank's part, any float type and device; slots: ascending rows. drawn: one answer a draw.
  /// Temperature 0 takes the largest logit and gives log-probabilities at temperature 1. collective: tp. throws:
  /// Error::user when logits are not finite.
  void draw(comm::Communicator& tp, const at::Tensor& logits_RV, std::span<const SampleSlot> slots,
            std::vector<SampledToken>& drawn) const;

 private:
  struct Best;
  void draw_row_of(const float* logits_V, const spec::Range& range, std::span<const SampleSlot> slots,
                   std::vector<float>& scratch, Best* best) const;
  at::Tensor draw_on_device(const at::Tensor& logits_RV, std::span<const SampleSlot> slots) const;
  at::Tensor draw_on_host(const at::Tensor& rows_RV, const spec::Range& range, std::span<const SampleSlot> slots) const;

  spec::SamplingJob sampling_;
  std::uint64_t seed_;
  spec::Range vocabulary_;
  std::int64_t vocab_size_;
  bool has_filters_;
};

}  // namespace muster::generate

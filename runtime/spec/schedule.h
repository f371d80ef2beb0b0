// The schedule of a pipeline as data: which stage works on which micro batch in which slot, and what passes between
// stages. One table for the launcher, which prints it, and the trainer, which runs it. 1F1B, and interleaved where a
// stage holds several chunks of neighbouring layers (train.vpp). source: arXiv:2104.04473, 2.2.
//
// Model chunk g = chunk * stages + stage, for g = 0 .. stages * chunks - 1, holds the g-th part of the layers. A slot
// is the time of one pass of one chunk over one micro batch; what a slot produced is handed on at its end, by one
// exchange in which all stages take part, so that no order of sends and receives can block.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace muster::spec {

enum class Pass { forward, backward };

/// One piece of work of one stage.
struct Work {
  std::int64_t slot = 0, stage = 0, micro_batch = 0, chunk = 0;
  Pass pass = Pass::forward;
  std::int64_t receive_from = -1;  // the stage that made its input in an earlier slot; -1: tokens, or the loss
  std::int64_t send_to = -1;       // the stage that needs its output; -1: none
  bool operator==(const Work&) const = default;
};

struct PipelineSchedule {
  std::int64_t stages = 1, chunks = 1, micro_batches = 0;
  std::vector<Work> work;  // by slot, then stage; a stage does one piece at most in a slot
  std::int64_t num_slots() const { return work.empty() ? 0 : work.back().slot + 1; }
};

enum class Passes { forward, forward_and_backward };

/// Of `micro_batches` (0: nothing to do) over `stages` stages of `chunks` chunks each. A stage that is not idle for
/// want of input runs a forward and a backward in turn, after a warm-up of forwards: as many as stages follow it, and
/// with several chunks a round of `stages` micro batches more for each. Interleaved, micro batches go in rounds of
/// `stages`; a last round that is not full is scheduled as if it were, the missing ones left out.
PipelineSchedule make_schedule(std::int64_t stages, std::int64_t chunks, std::int64_t micro_batches,
                               Passes passes = Passes::forward_and_backward);
/// Slots of a stage without work over all slots: (stages - 1) / (chunks * micro_batches + stages - 1) where rounds are
/// full, which is (stages - 1) / (chunks * micro_batches) of the time that the work itself takes.
double idle_share(const PipelineSchedule& schedule);
/// The work of one slot.
std::span<const Work> work_of_slot(const PipelineSchedule& schedule, std::int64_t slot);
/// A line a stage, a column a slot: F3 forward of micro batch 3, B3 its backward, behind a dot the chunk where there
/// are several.
std::string schedule_grid(const PipelineSchedule& schedule);

}  // namespace muster::spec

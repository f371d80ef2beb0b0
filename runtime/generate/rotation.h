// The generator's layers over the stages of a pipeline: who passes when. A sample's next token needs its last one,
// which comes out of the last stage; so the requests are dealt out over slots that take turns, as many as stages, each
// with its own scheduler, pages and running samples. Slot s enters the first stage in tick s, s + stages, ...; in every
// tick each stage computes the pass that the one before computed in the last tick, and the tokens that the last stage
// draws are known to all stages before that slot's next turn. With one stage it is one scheduler.
//
// Pure logic, the same on every stage: the same requests and drawn tokens lead to the same decisions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/generate/scheduler.h"
#include "runtime/spec/layout.h"

namespace muster::generate {

class Rotation {
 public:
  /// Borrows the requests; `options` count for all slots together but max_batch_tokens, which one pass may have. There
  /// are fewer slots than stages where there are fewer requests or samples at once, or where the pages of a slot would
  /// not hold the longest request: then a stage waits now and then. throws: as Scheduler.
  Rotation(const SchedulerOptions& options, std::span<const Request> requests, std::int64_t num_stages);
  /// Of requests that come later, of which the longest may have max_sequence_tokens.
  Rotation(const SchedulerOptions& options, std::int64_t num_stages);
  ~Rotation();

  std::int64_t num_slots() const;
  bool done() const;

  /// As those of Scheduler, over all slots; while no pass is between two stages.
  void add(std::span<const Request> requests, std::int64_t step);
  bool done(std::int64_t step) const;
  void set_weight_version(std::int64_t version);
  void drop_pages();
  std::vector<Sample> take_oldest(std::int64_t step);
  /// Whether a pass is on its way between two stages.
  bool is_under_way() const;

  /// Lets the slot whose turn it is enter the first stage, unless nothing `may_enter`, and every other pass move on by
  /// one.
  void begin_tick(bool may_enter = true);
  /// The pass that a stage computes in this tick; null: none. Valid until it has left the last stage.
  const ScheduledBatch* pass_at(std::int64_t stage) const;
  /// The pages of the cache that the pass at `stage` counts from 0.
  const spec::Range& pages_at(std::int64_t stage) const;
  /// Takes the drawn tokens of the pass at the last stage, in the order of its slots; none where there is no pass.
  void end_tick(std::span<const SampledToken> drawn, const std::function<void(const Sample&)>& finished);

  /// The samples, ordered by (group, index). Once done() is true.
  std::vector<Sample> take_samples();
  /// Of all slots together; most_pages is the sum of what each had at most.
  SchedulerFigures figures() const;

 private:
  struct Slot;
  void make_slots(const SchedulerOptions& options, std::span<const Request> requests, std::int64_t count);
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::int64_t> slot_at_;  // of each stage; -1: none
  std::int64_t num_ticks_ = 0;
};

}  // namespace muster::generate

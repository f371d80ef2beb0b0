// The rollouts between the two sides of a run off policy: of steps whose samples were generated and that are not
// trained on yet, in the order of the steps. Every rank holds the same ones; a checkpoint holds their samples.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "runtime/data/prompts.h"
#include "runtime/loop/rollout.h"

namespace muster::loop {

struct QueuedRollout {
  std::int64_t step = 0;  // that trains on it
  Rollout rollout;
  data::Cursor before = {};       // where the data stood when its prompts were drawn
  std::int64_t refused_rows = 0;  // that were passed over for them
};

/// What a checkpoint holds of a queued rollout. Its prompts are drawn again.
struct QueuedSamples {
  std::int64_t step = 0;
  std::vector<GradedSample> samples;
};

class RolloutQueue {
 public:
  /// Adds the rollout of the step that follows the last one waiting.
  void push(QueuedRollout rollout);
  /// Takes out the oldest rollout, which is that of `step`.
  QueuedRollout take(std::int64_t step);

  std::int64_t size() const { return std::ssize(waiting_); }
  /// Bytes of the samples that wait.
  std::int64_t sample_bytes() const;
  /// The cursor from which the prompts of all that waits are drawn again: `next`, that of the source, if nothing does.
  data::Cursor cursor(const data::Cursor& next) const;
  /// The samples of all that waits, with a digest of them: the file of a checkpoint.
  std::string saved() const;

 private:
  std::deque<QueuedRollout> waiting_;
};

/// Name of that file in the folder of a checkpoint.
inline constexpr const char* kQueueFile = "rollouts.bin";
/// Reads what saved() wrote. throws: Error::user naming `where`, when one byte is another than it was written.
std::vector<QueuedSamples> parse_queue(const std::string& saved, const std::string& where);

/// Whether generation runs ahead of training, so that rollouts wait.
bool is_off_policy(const spec::Job& job);
/// Whether the new weights enter while samples are being drawn (loop/in_flight).
bool updates_in_flight(const spec::Job& job);

}  // namespace muster::loop

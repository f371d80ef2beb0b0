#include "runtime/spec/schedule.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::spec {
namespace {

/// Micro batches of a round: of interleaved chunks as many as there are stages, so that a chunk's outputs come back to
/// the first stage just when it needs them.
std::int64_t round_size(const PipelineSchedule& s) { return s.chunks == 1 ? 1 : s.stages; }

/// What a stage does in one direction, in order, with the micro batches that fill up the last round.
std::vector<Work> passes_of(const PipelineSchedule& s, std::int64_t stage, Pass pass) {
  const std::int64_t round = round_size(s), last_chunk = s.stages * s.chunks - 1;
  std::vector<Work> passes;
  for (std::int64_t first = 0; first < s.micro_batches; first += round) {
    for (std::int64_t turn = 0; turn < s.chunks; ++turn) {
      const std::int64_t chunk = pass == Pass::forward ? turn : s.chunks - 1 - turn, g = chunk * s.stages + stage;
      const std::int64_t before = g > 0 ? (stage + s.stages - 1) % s.stages : -1,
                         after = g < last_chunk ? (stage + 1) % s.stages : -1;
      for (std::int64_t micro_batch = first; micro_batch < first + round; ++micro_batch)
        passes.push_back({.stage = stage,
                          .micro_batch = micro_batch,
                          .chunk = chunk,
                          .pass = pass,
                          .receive_from = pass == Pass::forward ? before : after,
                          .send_to = pass == Pass::forward ? after : before});
    }
  }
  return passes;
}

/// All that a stage does, in order; slots not yet known.
std::vector<Work> order_of(const PipelineSchedule& s, std::int64_t stage, Passes passes) {
  std::vector<Work> order = passes_of(s, stage, Pass::forward);
  if (passes == Passes::forward_and_backward) {
    const std::vector<Work> forwards = std::move(order), backwards = passes_of(s, stage, Pass::backward);
    const std::int64_t following = s.stages - 1 - stage;
    const std::size_t warm_up =
        std::min(forwards.size(),
                 static_cast<std::size_t>(s.chunks == 1 ? following : 2 * following + (s.chunks - 1) * round_size(s)));
    order.assign(forwards.begin(), forwards.begin() + static_cast<std::ptrdiff_t>(warm_up));
    for (std::size_t i = 0; i < backwards.size(); ++i) {
      if (warm_up + i < forwards.size()) order.push_back(forwards[warm_up + i]);
      order.push_back(backwards[i]);
    }
  }
  std::erase_if(order, [&](const Work& work) { return work.micro_batch >= s.micro_batches; });
  return order;
}

/// When each pass of each model chunk over each micro batch was done.
class Finished {
 public:
  explicit Finished(const PipelineSchedule& s)
      : s_(s), slots_(static_cast<std::size_t>(2 * s.stages * s.chunks * s.micro_batches), -1) {}
  void note(const Work& work) { slots_[index(work.pass, work.micro_batch, model_chunk(work))] = work.slot; }
  /// Is the input of `work` there at the beginning of `slot`?
  bool ready(const Work& work, std::int64_t slot) const {
    const std::int64_t g = model_chunk(work);
    const auto before = [&](Pass pass, std::int64_t chunk) {
      const std::int64_t done = slots_[index(pass, work.micro_batch, chunk)];
      return done >= 0 && done < slot;
    };
    if (work.pass == Pass::forward) return g == 0 || before(Pass::forward, g - 1);
    return before(Pass::forward, g) && (g == s_.stages * s_.chunks - 1 || before(Pass::backward, g + 1));
  }

 private:
  std::int64_t model_chunk(const Work& work) const { return work.chunk * s_.stages + work.stage; }
  std::size_t index(Pass pass, std::int64_t micro_batch, std::int64_t g) const {
    const std::int64_t row = (pass == Pass::forward ? 0 : s_.micro_batches) + micro_batch;
    return static_cast<std::size_t>(row * s_.stages * s_.chunks + g);
  }
  const PipelineSchedule& s_;
  std::vector<std::int64_t> slots_;
};

}  // namespace

PipelineSchedule make_schedule(std::int64_t stages, std::int64_t chunks, std::int64_t micro_batches, Passes passes) {
  INVARIANT(stages >= 1 && chunks >= 1 && micro_batches >= 0, "a pipeline has stages and chunks");
  PipelineSchedule schedule{.stages = stages, .chunks = chunks, .micro_batches = micro_batches};
  std::vector<std::vector<Work>> orders;
  for (std::int64_t stage = 0; stage < stages; ++stage) orders.push_back(order_of(schedule, stage, passes));
  std::vector<std::size_t> next(orders.size(), 0);
  Finished finished(schedule);
  std::size_t left = 0;
  for (const std::vector<Work>& order : orders) left += order.size();
  for (std::int64_t slot = 0; left > 0; ++slot) {
    const std::size_t begin = schedule.work.size();
    for (std::size_t stage = 0; stage < orders.size(); ++stage) {
      if (next[stage] == orders[stage].size() || !finished.ready(orders[stage][next[stage]], slot)) continue;
      schedule.work.push_back(orders[stage][next[stage]++]);
      schedule.work.back().slot = slot;
    }
    INVARIANT(schedule.work.size() > begin, base::text("the schedule of ", stages, " stages x ", chunks,
                                                       " chunks goes on with ", left, " pieces of work left"));
    for (std::size_t i = begin; i < schedule.work.size(); ++i) finished.note(schedule.work[i]);
    left -= schedule.work.size() - begin;
  }
  return schedule;
}

double idle_share(const PipelineSchedule& schedule) {
  const std::int64_t cells = schedule.num_slots() * schedule.stages;
  return cells == 0 ? 0 : 1 - static_cast<double>(schedule.work.size()) / static_cast<double>(cells);
}

std::span<const Work> work_of_slot(const PipelineSchedule& schedule, std::int64_t slot) {
  const auto& work = schedule.work;
  const auto begin = std::partition_point(work.begin(), work.end(), [&](const Work& each) { return each.slot < slot; });
  const auto end = std::partition_point(begin, work.end(), [&](const Work& each) { return each.slot == slot; });
  return {begin, end};
}

std::string schedule_grid(const PipelineSchedule& schedule) {
  const auto cell = [&](const Work& work) {
    std::string text = base::text(work.pass == Pass::forward ? "F" : "B", work.micro_batch);
    return schedule.chunks == 1 ? text : base::text(text, ".", work.chunk);
  };
  std::size_t width = 2;
  for (const Work& work : schedule.work) width = std::max(width, cell(work).size());
  std::vector<std::string> lines;
  for (std::int64_t stage = 0; stage < schedule.stages; ++stage) {
    std::vector<std::string> cells(static_cast<std::size_t>(schedule.num_slots()), ".");
    for (const Work& work : schedule.work)
      if (work.stage == stage) cells[work.slot] = cell(work);
    std::string line = base::text("stage ", stage, " ");
    for (const std::string& text : cells) line += " " + text + std::string(width - text.size(), ' ');
    lines.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
  }
  return base::join(lines, "\n") + "\n";
}

}  // namespace muster::spec

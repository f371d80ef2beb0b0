// The schedule's properties over a grid of pipelines, and its execution in two models of communication.
#include "runtime/spec/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>

namespace muster::spec {
namespace {

/// A piece of work by (pass, micro batch, model chunk).
using Key = std::tuple<Pass, std::int64_t, std::int64_t>;

Key key_of(const PipelineSchedule& s, const Work& work) {
  return {work.pass, work.micro_batch, work.chunk * s.stages + work.stage};
}

/// What the work needs made before it, or nothing.
std::vector<Key> needs_of(const PipelineSchedule& s, const Work& work) {
  const std::int64_t g = work.chunk * s.stages + work.stage, last = s.stages * s.chunks - 1;
  if (work.pass == Pass::forward)
    return g == 0 ? std::vector<Key>{} : std::vector<Key>{{Pass::forward, work.micro_batch, g - 1}};
  std::vector<Key> needs{{Pass::forward, work.micro_batch, g}};
  if (g < last) needs.push_back({Pass::backward, work.micro_batch, g + 1});
  return needs;
}

void for_all_pipelines(const std::function<void(const PipelineSchedule&)>& check) {
  for (std::int64_t stages = 1; stages <= 8; ++stages)
    for (std::int64_t chunks = 1; chunks <= (stages == 1 ? 1 : 4); ++chunks)
      for (std::int64_t micro_batches = 0; micro_batches <= 18; ++micro_batches) {
        SCOPED_TRACE("stages " + std::to_string(stages) + " chunks " + std::to_string(chunks) + " micro batches " +
                     std::to_string(micro_batches));
        check(make_schedule(stages, chunks, micro_batches));
      }
}

TEST(Schedule, EachStageRunsEachMicroBatchOnceForwardAndOnceBackwardInOrder) {
  for_all_pipelines([](const PipelineSchedule& s) {
    EXPECT_EQ(s.work.size(), static_cast<std::size_t>(2 * s.stages * s.chunks * s.micro_batches));
    std::map<Key, std::int64_t> slot_of;
    std::set<std::pair<std::int64_t, std::int64_t>> cells;
    std::map<std::tuple<Pass, std::int64_t, std::int64_t>, std::int64_t> latest;  // micro batch, by pass, stage, chunk
    for (const Work& work : s.work) {
      EXPECT_TRUE(cells.insert({work.slot, work.stage}).second) << "two pieces in one slot";
      EXPECT_TRUE(slot_of.emplace(key_of(s, work), work.slot).second) << "done twice";
      const auto [place, first] = latest.try_emplace({work.pass, work.stage, work.chunk}, work.micro_batch);
      if (first) {
        EXPECT_EQ(work.micro_batch, 0);
      } else {
        EXPECT_EQ(work.micro_batch, place->second + 1) << "micro batches out of order";
      }
      place->second = work.micro_batch;
      for (const Key& need : needs_of(s, work)) {
        ASSERT_TRUE(slot_of.contains(need)) << "input not made";
        EXPECT_LT(slot_of[need], work.slot);
      }
    }
  });
}

TEST(Schedule, WhatIsSentIsWhatIsReceived) {
  for_all_pipelines([](const PipelineSchedule& s) {
    std::map<Key, Work> made;
    for (const Work& work : s.work) made[key_of(s, work)] = work;
    for (const Work& work : s.work) {
      const std::int64_t g = work.chunk * s.stages + work.stage, last = s.stages * s.chunks - 1;
      const bool forward = work.pass == Pass::forward;
      EXPECT_EQ(work.receive_from,
                g == (forward ? 0 : last) ? -1 : made.at({work.pass, work.micro_batch, forward ? g - 1 : g + 1}).stage);
      EXPECT_EQ(work.send_to,
                g == (forward ? last : 0) ? -1 : made.at({work.pass, work.micro_batch, forward ? g + 1 : g - 1}).stage);
    }
  });
}

TEST(Schedule, TheBubbleIsWhatTheFormulaSays) {
  for_all_pipelines([](const PipelineSchedule& s) {
    const std::int64_t work = s.chunks * s.micro_batches;
    if (s.micro_batches == 0) {
      EXPECT_EQ(s.num_slots(), 0);
      EXPECT_EQ(idle_share(s), 0);
    } else if (s.chunks == 1 || s.micro_batches % s.stages == 0) {
      EXPECT_EQ(s.num_slots(), 2 * (work + s.stages - 1));
      EXPECT_NEAR(idle_share(s), static_cast<double>(s.stages - 1) / static_cast<double>(work + s.stages - 1), 1e-12);
    } else {  // as if the last round were full
      const std::int64_t full = (s.micro_batches + s.stages - 1) / s.stages * s.stages;
      EXPECT_LE(s.num_slots(), 2 * (s.chunks * full + s.stages - 1));
    }
  });
}

TEST(Schedule, AStageHoldsNoMoreMicroBatchesThanStagesFromItOn) {
  for_all_pipelines([](const PipelineSchedule& s) {
    std::map<std::int64_t, std::int64_t> held;
    for (const Work& work : s.work) {
      held[work.stage] += work.pass == Pass::forward ? 1 : -1;
      const std::int64_t most =
          s.chunks == 1 ? s.stages - work.stage : 2 * (s.stages - 1 - work.stage) + (s.chunks - 1) * s.stages + 1;
      EXPECT_LE(held[work.stage], most);
    }
  });
}

/// One side of a message.
struct End {
  std::int64_t from = 0, to = 0;
  Key what;
  bool is_send = false;
  auto operator<=>(const End&) const = default;
};
/// What each stage does: groups of sends and receives, one after another.
using Program = std::vector<std::vector<std::vector<End>>>;

/// The executor's: at the end of a slot one exchange of all that the slot made.
Program exchange_each_slot(const PipelineSchedule& s) {
  Program program(static_cast<std::size_t>(s.stages));
  for (std::int64_t stage = 0; stage < s.stages; ++stage)
    for (std::int64_t slot = 0; slot < s.num_slots(); ++slot) {
      auto& group = program[stage].emplace_back();
      for (const Work& work : work_of_slot(s, slot)) {
        if (work.send_to < 0) continue;
        if (work.stage == stage) group.push_back({stage, work.send_to, key_of(s, work), true});
        if (work.send_to == stage) group.push_back({work.stage, stage, key_of(s, work), false});
      }
    }
  return program;
}

/// What one would write first: receive an input, work, send the output.
Program receive_work_send(const PipelineSchedule& s) {
  Program program(static_cast<std::size_t>(s.stages));
  for (const Work& work : s.work) {
    auto& groups = program[work.stage];
    const auto needs = needs_of(s, work);
    if (work.receive_from >= 0) groups.push_back({{work.receive_from, work.stage, needs.back(), false}});
    if (work.send_to >= 0) groups.push_back({{work.stage, work.send_to, key_of(s, work), true}});
  }
  return program;
}

/// Runs the stages side by side. `rendezvous`: a send is over when it is received; otherwise it lies in a buffer.
bool comes_to_an_end(const Program& program, bool rendezvous) {
  std::vector<std::size_t> at(program.size(), 0);
  std::set<End> posted;
  const auto over = [&](const End& end) {
    return (end.is_send && !rendezvous) || posted.contains({end.from, end.to, end.what, !end.is_send});
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t stage = 0; stage < program.size(); ++stage) {
      for (; at[stage] < program[stage].size(); ++at[stage], moved = true) {
        const auto& group = program[stage][at[stage]];
        for (const End& end : group) moved |= posted.insert(end).second;
        if (!std::all_of(group.begin(), group.end(), over)) break;
      }
    }
  }
  for (std::size_t stage = 0; stage < program.size(); ++stage)
    if (at[stage] < program[stage].size()) return false;
  return true;
}

TEST(Schedule, NoStageWaitsForEverWithBuffersNorWithout) {
  for_all_pipelines([](const PipelineSchedule& s) {
    EXPECT_TRUE(comes_to_an_end(exchange_each_slot(s), true));
    EXPECT_TRUE(comes_to_an_end(exchange_each_slot(s), false));
  });
}

TEST(Schedule, SendsAndReceivesApartWouldNeedBuffers) {
  EXPECT_TRUE(comes_to_an_end(receive_work_send(make_schedule(2, 1, 4)), false));
  EXPECT_FALSE(comes_to_an_end(receive_work_send(make_schedule(2, 1, 4)), true));
}

TEST(Schedule, ForwardAloneFillsThePipelineOnce) {
  for (std::int64_t stages = 1; stages <= 5; ++stages)
    for (std::int64_t micro_batches = 1; micro_batches <= 7; ++micro_batches) {
      const PipelineSchedule s = make_schedule(stages, 1, micro_batches, Passes::forward);
      EXPECT_EQ(s.work.size(), static_cast<std::size_t>(stages * micro_batches));
      EXPECT_EQ(s.num_slots(), micro_batches + stages - 1);
      EXPECT_TRUE(comes_to_an_end(exchange_each_slot(s), true));
    }
  EXPECT_EQ(make_schedule(2, 2, 3, Passes::forward).work.size(), 12u);
}

TEST(Schedule, OneStageAlternates) { EXPECT_EQ(schedule_grid(make_schedule(1, 1, 2)), "stage 0  F0 B0 F1 B1\n"); }

TEST(Schedule, TheGridOfOneForwardOneBackward) {
  EXPECT_EQ(schedule_grid(make_schedule(3, 1, 4)),
            "stage 0  F0 F1 F2 .  .  B0 F3 B1 .  B2 .  B3\n"
            "stage 1  .  F0 F1 .  B0 F2 B1 F3 B2 .  B3 .\n"
            "stage 2  .  .  F0 B0 F1 B1 F2 B2 F3 B3 .  .\n");
}

TEST(Schedule, TheGridOfInterleavedChunks) {
  EXPECT_EQ(schedule_grid(make_schedule(2, 2, 2)),
            "stage 0  F0.0 F1.0 F0.1 F1.1 .    B0.1 .    B1.1 B0.0 B1.0\n"
            "stage 1  .    F0.0 F1.0 F0.1 B0.1 F1.1 B1.1 B0.0 B1.0 .\n");
}

}  // namespace
}  // namespace muster::spec

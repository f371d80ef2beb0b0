#include "runtime/generate/rotation.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/base/error.h"

namespace muster::generate {
namespace {

constexpr std::int32_t kToken = 7;

SchedulerOptions roomy() {
  return {.page_tokens = 4,
          .num_pages = 200,
          .max_batch_tokens = 64,
          .max_running_samples = 64,
          .max_sequence_tokens = 32,
          .max_new_tokens = 8};
}

std::vector<Request> prompts(std::int64_t count, std::int64_t samples) {
  std::vector<Request> requests;
  for (std::int64_t group = 0; group < count; ++group)
    requests.push_back({.group = group,
                        .num_samples = samples,
                        .prompt = std::vector<std::int32_t>(static_cast<std::size_t>(3 + group % 5), 1),
                        .lengths = std::vector<std::int64_t>(static_cast<std::size_t>(samples), 3 + group % 4)});
  return requests;
}

/// Runs to the end; `look` sees every tick while its passes lie at their stages.
std::vector<Sample> run(Rotation& rotation, std::int64_t stages, const std::function<void()>& look = {}) {
  for (int ticks = 0; !rotation.done(); ++ticks) {
    if (ticks > 10'000) throw std::runtime_error("the rotation does not end");
    rotation.begin_tick();
    if (look) look();
    const ScheduledBatch* const leaves = rotation.pass_at(stages - 1);
    std::vector<SampledToken> drawn(leaves == nullptr ? 0 : leaves->slots.size(), {.token = kToken});
    rotation.end_tick(drawn, [](const Sample&) {});
  }
  return rotation.take_samples();
}

void expect_all_of(const std::vector<Sample>& samples, const std::vector<Request>& requests) {
  std::size_t at = 0;
  for (const Request& request : requests)
    for (std::int64_t index = 0; index < request.num_samples; ++index, ++at) {
      ASSERT_LT(at, samples.size());
      EXPECT_EQ(samples[at].group, request.group);
      EXPECT_EQ(samples[at].index, index);
      EXPECT_EQ(std::ssize(samples[at].tokens), request.lengths[index]);
    }
  EXPECT_EQ(at, samples.size());
}

TEST(Rotation, OfOneStageIsOneScheduler) {
  const auto requests = prompts(9, 3);
  Rotation rotation(roomy(), requests, 1);
  EXPECT_EQ(rotation.num_slots(), 1);
  expect_all_of(run(rotation, 1), requests);
  PagePool pool(roomy().num_pages);
  Scheduler scheduler(roomy(), requests, pool);
  while (!scheduler.done()) {
    const std::vector<SampledToken> drawn(scheduler.next().slots.size(), {.token = kToken});
    scheduler.accept(drawn, [](const Sample&) {});
  }
  EXPECT_EQ(rotation.figures().passes, scheduler.figures().passes);
  EXPECT_EQ(rotation.figures().most_pages, scheduler.figures().most_pages);
}

TEST(Rotation, NoStageWaitsWhileEverySlotHasSamples) {
  for (const std::int64_t stages : {2, 3, 4}) {
    const auto requests = prompts(4 * stages, 2);
    Rotation rotation(roomy(), requests, stages);
    ASSERT_EQ(rotation.num_slots(), stages);
    std::int64_t tick = 0;
    std::vector<const ScheduledBatch*> before;
    std::map<const ScheduledBatch*, std::size_t> tokens;
    expect_all_of(run(rotation, stages,
                      [&] {
                        std::vector<const ScheduledBatch*> now;
                        for (std::int64_t stage = 0; stage < stages; ++stage) {
                          now.push_back(rotation.pass_at(stage));
                          if (tick >= stages - 1 && tick < 3 * stages) {
                            EXPECT_NE(now.back(), nullptr) << "stage " << stage << " waits in tick " << tick;
                          }
                        }
                        // What a stage had in the last tick is with the next one now, and still the same pass.
                        for (std::size_t stage = 1; stage < now.size() && !before.empty(); ++stage) {
                          EXPECT_EQ(now[stage], before[stage - 1]);
                          if (now[stage] != nullptr) {
                            EXPECT_EQ(now[stage]->tokens.size(), tokens[now[stage]]);
                          }
                        }
                        if (now[0] != nullptr) tokens[now[0]] = now[0]->tokens.size();
                        before = now;
                        ++tick;
                      }),
                  requests);
  }
}

TEST(Rotation, SlotsShareNoPage) {
  SchedulerOptions options = roomy();
  options.num_pages = 23;
  const auto requests = prompts(7, 3);
  Rotation rotation(options, requests, 3);
  ASSERT_EQ(rotation.num_slots(), 3);
  std::set<std::pair<std::int64_t, std::int64_t>> ranges;
  expect_all_of(run(rotation, 3,
                    [&] {
                      for (std::int64_t stage = 0; stage < 3; ++stage) {
                        const ScheduledBatch* const pass = rotation.pass_at(stage);
                        if (pass == nullptr) continue;
                        const spec::Range pages = rotation.pages_at(stage);
                        ranges.insert({pages.begin, pages.end});
                        for (const std::int32_t page : pass->batch.pages) EXPECT_LT(page, pages.size());
                      }
                    }),
                requests);
  EXPECT_EQ(ranges, (std::set<std::pair<std::int64_t, std::int64_t>>{{0, 8}, {8, 16}, {16, 23}}));
  EXPECT_GT(rotation.figures().preemptions, 0) << "the pages of a slot run out";
}

TEST(Rotation, HasFewerSlotsWhereMoreWouldNotHoldARequest) {
  const auto slots = [](const SchedulerOptions& options, std::int64_t count) {
    const auto requests = prompts(count, 2);
    Rotation rotation(options, requests, 4);
    const std::int64_t found = rotation.num_slots();
    expect_all_of(run(rotation, 4), requests);
    return found;
  };
  EXPECT_EQ(slots(roomy(), 8), 4);
  EXPECT_EQ(slots(roomy(), 3), 3) << "as many as prompts";
  SchedulerOptions few = roomy();
  few.max_running_samples = 2;
  EXPECT_EQ(slots(few, 8), 2) << "as many as samples run at once";
  few = roomy();
  few.num_pages = 11;  // the longest request takes 4
  EXPECT_EQ(slots(few, 8), 2) << "as many as the pages allow";
  few.num_pages = 3;
  const auto requests = prompts(8, 2);
  EXPECT_THROW(Rotation(few, requests, 4), Error);
  Rotation nothing(roomy(), {}, 4);
  EXPECT_TRUE(nothing.done());
}

}  // namespace
}  // namespace muster::generate

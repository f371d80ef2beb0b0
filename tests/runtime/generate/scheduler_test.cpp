#include "runtime/generate/scheduler.h"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/error.h"
#include "runtime/base/random.h"

namespace muster::generate {
namespace {

using Answers = std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::int32_t>>;

/// A model whose next token is a hash of all tokens before it, as it finds them in the pages: a wrong page, slot, copy
/// or position changes the answer.
class FakeModel {
 public:
  FakeModel(std::int64_t num_pages, std::int64_t page_tokens)
      : page_tokens_(page_tokens), cache_(static_cast<std::size_t>(num_pages * page_tokens), -1) {}

  std::vector<SampledToken> forward(const ScheduledBatch& pass) {
    for (const PageCopy& copy : pass.copies) {
      for (std::int64_t i = 0; i < copy.tokens; ++i) at(copy.to, i) = at(copy.from, i);
    }
    for (std::size_t t = 0; t < pass.tokens.size(); ++t) {
      cache_[pass.batch.slots[t]] = static_cast<std::int32_t>(pass.tokens[t]);
    }
    std::vector<SampledToken> drawn;
    for (const SampleSlot& slot : pass.slots) drawn.push_back({next_token(pass, slot), 0, 0});
    return drawn;
  }

  static std::int32_t token_after(std::span<const std::int32_t> tokens, std::int64_t sample, std::int64_t position) {
    const std::uint64_t noise = position == 0 ? static_cast<std::uint64_t>(sample) : 0;  // one row, many samples
    return static_cast<std::int32_t>((base::hash_bytes(tokens.data(), tokens.size_bytes()) + noise) % 50);
  }

 private:
  std::int32_t& at(std::int32_t page, std::int64_t offset) { return cache_[page * page_tokens_ + offset]; }

  std::int32_t next_token(const ScheduledBatch& pass, const SampleSlot& slot) {
    const ops::PagedBatch& batch = pass.batch;
    const std::int64_t row = pass.rows[slot.row];
    std::size_t sequence = 0;
    while (batch.query_begin[sequence + 1] <= row) ++sequence;
    EXPECT_EQ(batch.query_begin[sequence + 1], row + 1) << "only the last row of a sequence is sampled";
    std::vector<std::int32_t> tokens;
    for (std::int64_t i = 0; i < batch.lengths[sequence]; ++i) {
      tokens.push_back(at(batch.pages[batch.page_begin[sequence] + i / page_tokens_], i % page_tokens_));
    }
    EXPECT_EQ(pass.positions[row], batch.lengths[sequence] - 1);
    return token_after(tokens, slot.sample, slot.position);
  }

  std::int64_t page_tokens_;
  std::vector<std::int32_t> cache_;
};

std::vector<Request> ragged_requests(std::int64_t groups, std::int64_t samples, std::int64_t longest) {
  const base::RandomKey key(3, base::Purpose::test);
  std::vector<Request> requests;
  for (std::int64_t group = 0; group < groups; ++group) {
    Request request{.group = group, .num_samples = samples};
    const std::uint64_t length = 1 + key.at(static_cast<std::uint64_t>(group))[0] % static_cast<std::uint64_t>(longest);
    for (std::uint64_t i = 0; i < length; ++i) {
      request.prompt.push_back(
          static_cast<std::int32_t>(key.at(1000 + static_cast<std::uint64_t>(group) * 100 + i)[0] % 50));
    }
    requests.push_back(request);
  }
  return requests;
}

Answers answers_without_cache(std::span<const Request> requests, const SchedulerOptions& options) {
  Answers answers;
  for (const Request& request : requests) {
    for (std::int64_t sample = 0; sample < request.num_samples; ++sample) {
      std::vector<std::int32_t> tokens = request.prompt;
      std::vector<std::int32_t>& answer = answers[{request.group, sample}];
      do {
        answer.push_back(FakeModel::token_after(tokens, sample, std::ssize(answer)));
        tokens.push_back(answer.back());
      } while (answer.back() != options.stop_tokens.at(0) && std::ssize(answer) < options.max_new_tokens &&
               std::ssize(tokens) < options.max_sequence_tokens);
    }
  }
  return answers;
}

SchedulerFigures expect_right_answers(std::span<const Request> requests, const SchedulerOptions& options) {
  PagePool pool(options.num_pages);
  Scheduler scheduler(options, requests, pool);
  FakeModel model(options.num_pages, options.page_tokens);
  std::size_t num_finished = 0;
  while (!scheduler.done()) {
    const ScheduledBatch& pass = scheduler.next();
    EXPECT_LE(std::ssize(pass.tokens), options.max_batch_tokens);
    EXPECT_EQ(pass.tokens.size(), pass.positions.size());
    EXPECT_EQ(pass.tokens.size(), pass.batch.slots.size());
    if (scheduler.figures().passes > 100000) {
      ADD_FAILURE() << "the scheduler does not end";
      break;
    }
    scheduler.accept(model.forward(pass), [&](const Sample& sample) {
      ++num_finished;
      EXPECT_FALSE(sample.tokens.empty());
    });
  }
  EXPECT_EQ(pool.num_free(), pool.num_pages()) << "pages were lost";
  const Answers expected = answers_without_cache(requests, options);
  const std::vector<Sample> samples = scheduler.take_samples();
  EXPECT_EQ(samples.size(), expected.size());
  EXPECT_EQ(num_finished, expected.size());
  for (const Sample& sample : samples) {
    EXPECT_EQ(sample.tokens, expected.at({sample.group, sample.index}))
        << "group " << sample.group << " sample " << sample.index;
    EXPECT_EQ(sample.finish == Finish::stop, sample.tokens.back() == options.stop_tokens.at(0));
  }
  return scheduler.figures();
}

constexpr SchedulerOptions roomy() {
  return {.page_tokens = 4,
          .num_pages = 4000,
          .max_batch_tokens = 8192,
          .max_running_samples = 256,
          .max_sequence_tokens = 40,
          .max_new_tokens = 20};
}

TEST(Scheduler, NeedsOnePassForPromptsAndOneForEachFurtherToken) {
  SchedulerOptions options = roomy();
  options.stop_tokens = {7};
  const auto requests = ragged_requests(8, 8, 17);
  const SchedulerFigures figures = expect_right_answers(requests, options);
  EXPECT_EQ(figures.passes, 20);
  EXPECT_EQ(figures.preemptions, 0);
  EXPECT_EQ(figures.repeated_tokens, 0);
  std::int64_t prompt_tokens = 0;
  for (const Request& request : requests) prompt_tokens += std::ssize(request.prompt);
  EXPECT_EQ(figures.prompt_tokens, prompt_tokens) << "each prompt is computed once for its whole group";
}

TEST(Scheduler, SharesFullPagesAndCopiesThePartlyFilledOne) {
  SchedulerOptions options = roomy();
  options.stop_tokens = {-1};
  options.max_new_tokens = 2;
  const std::vector<Request> requests{{.group = 0, .num_samples = 5, .prompt = {1, 2, 3, 4, 5, 6}}};
  const SchedulerFigures figures = expect_right_answers(requests, options);
  EXPECT_EQ(figures.copied_pages, 4) << "the last to write keeps the page itself";
  EXPECT_EQ(figures.most_pages, 1 + 5);
}

TEST(Scheduler, GivesTheSameAnswersForAnySizeOfPagesBatchAndCache) {
  const auto requests = ragged_requests(7, 6, 19);
  for (const std::int64_t page_tokens : {1, 3, 4, 16}) {
    for (const std::int64_t max_batch_tokens : {1, 5, 33, 8192}) {
      for (const std::int64_t max_running_samples : {1, 4, 9, 256}) {
        for (const std::int64_t spare_pages : {0, 1, 5, 30, 1000}) {
          SchedulerOptions options = roomy();
          options.stop_tokens = {7};
          options.page_tokens = page_tokens;
          options.max_batch_tokens = max_batch_tokens;
          options.max_running_samples = max_running_samples;
          options.num_pages = pages_of(19 + 20 - 1, page_tokens) + spare_pages;
          expect_right_answers(requests, options);
          if (testing::Test::HasFailure()) {
            FAIL() << "page " << page_tokens << " batch " << max_batch_tokens << " running " << max_running_samples
                   << " spare " << spare_pages;
          }
        }
      }
    }
  }
}

TEST(Scheduler, PreemptsTheYoungestAndKeepsItsTokens) {
  SchedulerOptions options = roomy();
  options.stop_tokens = {-1};
  options.num_pages = 20;
  const SchedulerFigures figures = expect_right_answers(ragged_requests(4, 4, 8), options);
  EXPECT_GT(figures.preemptions, 0);
  EXPECT_GT(figures.repeated_tokens, 0);
  EXPECT_LE(figures.most_pages, 20);
}

TEST(Scheduler, CountsWhatIsComputedAgainAfterAPreemption) {
  SchedulerOptions options = roomy();
  options.num_pages = 20;
  std::vector<Request> forced = ragged_requests(4, 4, 8);
  std::int64_t needed_tokens = 0, needed_pairs = 0;
  const auto add = [&](std::int64_t first, std::int64_t count) {
    needed_tokens += count;
    for (std::int64_t position = first; position < first + count; ++position) needed_pairs += position + 1;
  };
  for (Request& request : forced) {
    request.lengths.assign(static_cast<std::size_t>(request.num_samples), 8);
    add(0, std::ssize(request.prompt));
    for (std::int64_t sample = 0; sample < request.num_samples; ++sample) add(std::ssize(request.prompt), 8 - 1);
  }
  PagePool pool(options.num_pages);
  Scheduler scheduler(options, forced, pool);
  FakeModel model(options.num_pages, options.page_tokens);
  std::int64_t tokens = 0, pairs = 0;
  while (!scheduler.done()) {
    const ScheduledBatch& pass = scheduler.next();
    tokens += std::ssize(pass.positions);
    for (const std::int64_t position : pass.positions) pairs += position + 1;
    scheduler.accept(model.forward(pass), [](const Sample&) {});
  }
  EXPECT_GT(scheduler.figures().preemptions, 0);
  EXPECT_EQ(tokens, needed_tokens + scheduler.figures().repeated_tokens);
  EXPECT_EQ(pairs, needed_pairs + scheduler.figures().repeated_pairs);
}

TEST(Scheduler, IsDeterministic) {
  SchedulerOptions options = roomy();
  options.stop_tokens = {7};
  options.num_pages = 24;
  options.max_batch_tokens = 11;
  const auto requests = ragged_requests(5, 5, 13);
  PagePool pool_a(options.num_pages), pool_b(options.num_pages);
  Scheduler a(options, requests, pool_a), b(options, requests, pool_b);
  FakeModel model(options.num_pages, options.page_tokens);
  while (!a.done()) {
    const ScheduledBatch& pass_a = a.next();
    const ScheduledBatch& pass_b = b.next();
    ASSERT_EQ(pass_a.tokens, pass_b.tokens);
    ASSERT_EQ(pass_a.batch.slots, pass_b.batch.slots);
    ASSERT_EQ(pass_a.batch.pages, pass_b.batch.pages);
    const auto drawn = model.forward(pass_a);
    a.accept(drawn, [](const Sample&) {});
    b.accept(drawn, [](const Sample&) {});
  }
  EXPECT_TRUE(b.done());
}

TEST(Scheduler, RefusesPromptsThatCannotFitAllInOneGo) {
  SchedulerOptions options = roomy();
  options.num_pages = 3;
  const std::vector<Request> requests{{.group = 4, .num_samples = 1, .prompt = {}},
                                      {.group = 5, .num_samples = 1, .prompt = std::vector<std::int32_t>(40, 1)},
                                      {.group = 6, .num_samples = 1, .prompt = std::vector<std::int32_t>(10, 1)},
                                      {.group = 7, .num_samples = 1, .prompt = {1}}};
  PagePool pool(options.num_pages);
  try {
    Scheduler scheduler(options, requests, pool);
    FAIL() << "these do not fit";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::user);
    ASSERT_EQ(error.faults().size(), 4U);
    EXPECT_NE(error.faults()[1].what.find("40 tokens"), std::string::npos);
    EXPECT_NE(error.faults()[2].what.find("needs 8 pages of 4 tokens, but the cache has 3"), std::string::npos)
        << error.what();
  }
}

TEST(Scheduler, ForcedLengthsEndTheAnswersAndStopTokensDoNot) {
  std::vector<Request> requests = ragged_requests(5, 3, 9);
  for (Request& request : requests) request.lengths = {1, 7 + request.group, 1000};
  SchedulerOptions options = roomy();
  options.max_sequence_tokens = 100;
  options.max_new_tokens = 40;
  options.stop_tokens = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  PagePool pool(options.num_pages);
  Scheduler scheduler(options, requests, pool);
  FakeModel model(options.num_pages, options.page_tokens);
  while (!scheduler.done()) scheduler.accept(model.forward(scheduler.next()), [](const Sample&) {});
  for (const Sample& sample : scheduler.take_samples()) {
    const std::int64_t forced = requests[sample.group].lengths[sample.index];
    EXPECT_EQ(std::ssize(sample.tokens), std::min<std::int64_t>(forced, 40));
    EXPECT_EQ(sample.finish, forced <= 40 ? Finish::stop : Finish::length);
  }
}

}  // namespace
}  // namespace muster::generate

#include "runtime/train/packed_batch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/random.h"

namespace muster::train {
namespace {

/// Sequences with their tokens; every token says whose it is: 1000 * (group + 1) + position in a prompt,
/// -(1000 * (id + 1) + position) in an answer.
struct Collection {
  std::vector<std::vector<std::int32_t>> tokens;
  std::vector<Sequence> sequences;
};

Collection collection_of(const std::vector<std::int64_t>& prompt_lengths,
                         const std::vector<std::vector<std::int64_t>>& answer_lengths) {
  Collection made;
  std::size_t count = 0;
  for (const auto& lengths : answer_lengths) count += 1 + lengths.size();
  made.tokens.reserve(count);
  std::int64_t id = 0;
  for (std::size_t group = 0; group < prompt_lengths.size(); ++group) {
    auto& prompt = made.tokens.emplace_back();
    for (std::int64_t p = 0; p < prompt_lengths[group]; ++p)
      prompt.push_back(static_cast<std::int32_t>(1000 * (group + 1) + p));
    for (const std::int64_t length : answer_lengths[group]) {
      auto& answer = made.tokens.emplace_back();
      for (std::int64_t p = 0; p < length; ++p) answer.push_back(static_cast<std::int32_t>(-(1000 * (id + 1) + p)));
      made.sequences.push_back(
          {.id = id++, .group = static_cast<std::int64_t>(group), .prompt = prompt, .answer = answer});
    }
  }
  return made;
}

Collection random_collection(std::uint64_t stream) {
  const base::RandomKey key(5, base::Purpose::test, stream);
  std::vector<std::int64_t> prompts;
  std::vector<std::vector<std::int64_t>> answers;
  std::uint64_t draw = 0;
  const auto length = [&](double low, double high) {
    return static_cast<std::int64_t>(low + key.uniform(draw++) * (high - low));
  };
  for (int group = 0; group < 7; ++group) {
    prompts.push_back(length(1, 20));
    answers.emplace_back();
    for (int sample = 0; sample < 5; ++sample) answers.back().push_back(length(0, 15));
  }
  return collection_of(prompts, answers);
}

std::vector<std::int64_t> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<std::int64_t>(), tensor.const_data_ptr<std::int64_t>() + tensor.numel()};
}

/// Tokens that the row at `row` sees, in order: its prefix, then its own segment up to itself.
std::vector<std::int64_t> seen_by(const PackedBatch& batch, std::int64_t row) {
  const auto tokens = values_of(batch.tokens_T);
  for (const ops::Segment& segment : batch.segments) {
    if (row < segment.begin || row >= segment.begin + segment.length) continue;
    std::vector<std::int64_t> seen;
    if (segment.prefix >= 0) {
      const ops::Segment& prefix = batch.segments[segment.prefix];
      EXPECT_EQ(prefix.prefix, -1);
      seen.assign(tokens.begin() + prefix.begin, tokens.begin() + prefix.begin + prefix.length);
    }
    seen.insert(seen.end(), tokens.begin() + segment.begin, tokens.begin() + row + 1);
    return seen;
  }
  ADD_FAILURE() << "row " << row << " lies in no segment";
  return {};
}

/// Every answer token once, predicted by a row that sees exactly what stands before it; positions are those of the
/// sequence.
void check_batches(const Collection& collection, const std::vector<PackedBatch>& batches, std::int64_t max_tokens) {
  std::set<std::pair<std::int64_t, std::int64_t>> scored;
  for (const PackedBatch& batch : batches) {
    ASSERT_EQ(batch.tokens_T.numel(), batch.num_tokens);
    if (batch.num_tokens > max_tokens) {
      EXPECT_EQ(batch.sequences.size(), 1u);
    }
    std::int64_t end = 0;
    for (const ops::Segment& segment : batch.segments) {
      EXPECT_EQ(segment.begin, end);
      EXPECT_GT(segment.length, 0);
      end += segment.length;
    }
    EXPECT_EQ(end, batch.num_tokens);
    const auto rows = values_of(batch.rows_N), targets = values_of(batch.targets_N),
               positions = values_of(batch.positions_T);
    ASSERT_EQ(rows.size(), batch.sequence_of_N.size());
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const Sequence& sequence = collection.sequences[batch.sequence_of_N[n]];
      const std::int64_t position = batch.position_of_N[n];
      EXPECT_TRUE(scored.insert({batch.sequence_of_N[n], position}).second);
      EXPECT_EQ(targets[n], sequence.answer[position]);
      std::vector<std::int64_t> before(sequence.prompt.begin(), sequence.prompt.end());
      before.insert(before.end(), sequence.answer.begin(), sequence.answer.begin() + position);
      EXPECT_EQ(seen_by(batch, rows[n]), before);
      EXPECT_EQ(positions[rows[n]], std::ssize(before) - 1);
    }
  }
  std::size_t num_answer_tokens = 0;
  for (const Sequence& sequence : collection.sequences) num_answer_tokens += sequence.answer.size();
  EXPECT_EQ(scored.size(), num_answer_tokens);
}

TEST(Pack, EachAnswerTokenIsScoredOnceFromWhatStandsBeforeIt) {
  for (std::uint64_t stream = 0; stream < 10; ++stream) {
    const Collection collection = random_collection(stream);
    for (const bool share_prompt : {false, true}) {
      for (const std::int64_t max_tokens : {1, 12, 40, 200, 10000}) {
        check_batches(collection,
                      pack(collection.sequences, {.max_tokens = max_tokens, .share_prompt = share_prompt}, at::kCPU),
                      max_tokens);
      }
    }
  }
}

TEST(Pack, AGroupHoldsItsPromptOnce) {
  const Collection collection = collection_of({6, 3}, {{4, 1, 3}, {2}});
  const auto batches = pack(collection.sequences, {.max_tokens = 100, .share_prompt = true}, at::kCPU);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].num_tokens, 6 + 3 + 0 + 2 + 3 + 1);
  ASSERT_EQ(batches[0].segments.size(),
            4u);  // the prompt, two answers of more than one token, and a sequence that is alone
  EXPECT_EQ(batches[0].segments[1].prefix, 0);
  EXPECT_EQ(batches[0].segments[2].prefix, 0);
  EXPECT_EQ(batches[0].segments[3].prefix, -1);
  EXPECT_EQ(pack(collection.sequences, {.max_tokens = 100, .share_prompt = false}, at::kCPU)[0].num_tokens,
            9 + 6 + 8 + 4);
}

TEST(Pack, AGroupTooLongForOneBatchRepeatsItsPrompt) {
  const Collection collection = collection_of({10}, {{6, 6, 6, 6}});
  const auto batches = pack(collection.sequences, {.max_tokens = 20, .share_prompt = true}, at::kCPU);
  ASSERT_EQ(batches.size(), 2u);
  for (const PackedBatch& batch : batches) EXPECT_EQ(batch.num_tokens, 20);
}

TEST(Pack, FillsBatchesLongestFirst) {
  const Collection collection = collection_of({1, 1, 1, 1}, {{4}, {8}, {6}, {2}});
  const auto batches = pack(collection.sequences, {.max_tokens = 10, .share_prompt = false}, at::kCPU);
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0].sequences, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(batches[1].sequences, (std::vector<std::int64_t>{2, 0}));
}

TEST(Pack, TheSequencesOfABatchCanBeBounded) {
  const Collection collection = random_collection(3);
  for (const bool share_prompt : {false, true}) {
    const auto batches =
        pack(collection.sequences, {.max_tokens = 10000, .max_sequences = 2, .share_prompt = share_prompt}, at::kCPU);
    check_batches(collection, batches, 10000);
    for (const PackedBatch& batch : batches) EXPECT_LE(batch.sequences.size(), 2u);
  }
}

TEST(Pack, ABatchIsFilledUpToAMultiple) {
  const Collection collection = collection_of({6, 3}, {{4, 1, 3}, {2}});  // 15 tokens
  const auto batches =
      pack(collection.sequences, {.max_tokens = 100, .token_multiple = 8, .share_prompt = true}, at::kCPU);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].num_tokens, 16);
  EXPECT_EQ(batches[0].tokens_T.size(0), 16);
  EXPECT_EQ(batches[0].positions_T.size(0), 16);
  EXPECT_EQ(batches[0].segments.back().begin, 15);
  EXPECT_EQ(batches[0].segments.back().length, 1);
  EXPECT_EQ(batches[0].segments.back().prefix, -1);
  EXPECT_LT(batches[0].rows_N.max().item<std::int64_t>(), 15) << "nothing of it is scored";
  EXPECT_EQ(pack(collection.sequences, {.max_tokens = 100, .token_multiple = 5, .share_prompt = true}, at::kCPU)[0]
                .num_tokens,
            15);
}

/// Tokens of the whole row that query `row` of a share sees.
std::vector<std::int64_t> seen_by(const parallel::ContextShare& share, const std::vector<std::int64_t>& tokens,
                                  std::int64_t row) {
  for (const ops::AttentionSpan& span : share.spans) {
    if (row < span.begin || row >= span.begin + span.length) continue;
    std::vector<std::int64_t> seen(tokens.begin() + span.prefix, tokens.begin() + span.prefix + span.prefix_keys);
    seen.insert(seen.end(), tokens.begin() + span.keys,
                tokens.begin() + span.keys + span.num_keys - (span.begin + span.length - 1 - row));
    return seen;
  }
  ADD_FAILURE() << "row " << row << " lies in no span";
  return {};
}

TEST(Pack, RanksOfContextParallelismScoreEachAnswerTokenOnceFromWhatStandsBeforeIt) {
  for (std::uint64_t stream = 0; stream < 4; ++stream) {
    const Collection collection = random_collection(stream);
    for (const bool share_prompt : {false, true}) {
      Packing packing{.max_tokens = 60, .token_multiple = 2, .share_prompt = share_prompt};
      const auto whole = pack(collection.sequences, packing, at::kCPU);
      std::set<std::pair<std::int64_t, std::int64_t>> scored;
      packing.cp = 4;  // 8 chunks: many sequences have fewer tokens
      for (packing.cp_rank = 0; packing.cp_rank < packing.cp; ++packing.cp_rank) {
        const auto batches = pack(collection.sequences, packing, at::kCPU);
        ASSERT_EQ(batches.size(), whole.size());
        for (std::size_t b = 0; b < batches.size(); ++b) {
          const PackedBatch& batch = batches[b];
          EXPECT_EQ(batch.sequences, whole[b].sequences);
          ASSERT_EQ(batch.tokens_T.numel(), batch.num_tokens);
          EXPECT_EQ(batch.num_tokens % 2, 0);
          const auto rows = values_of(batch.rows_N), targets = values_of(batch.targets_N),
                     positions = values_of(batch.positions_T), tokens = values_of(batch.tokens_T),
                     row_tokens = values_of(whole[b].tokens_T);
          ASSERT_EQ(rows.size(), batch.sequence_of_N.size());
          for (std::size_t n = 0; n < rows.size(); ++n) {
            const Sequence& sequence = collection.sequences[batch.sequence_of_N[n]];
            const std::int64_t position = batch.position_of_N[n];
            EXPECT_TRUE(scored.insert({batch.sequence_of_N[n], position}).second);
            EXPECT_EQ(targets[n], sequence.answer[position]);
            std::vector<std::int64_t> before(sequence.prompt.begin(), sequence.prompt.end());
            before.insert(before.end(), sequence.answer.begin(), sequence.answer.begin() + position);
            EXPECT_EQ(seen_by(batch.share, row_tokens, rows[n]), before);
            EXPECT_EQ(tokens[rows[n]], before.back());
            EXPECT_EQ(positions[rows[n]], std::ssize(before) - 1);
          }
        }
      }
      std::size_t num_answer_tokens = 0;
      for (const Sequence& sequence : collection.sequences) num_answer_tokens += sequence.answer.size();
      EXPECT_EQ(scored.size(), num_answer_tokens);
    }
  }
}

TEST(Pack, AnIdleBatchHasAsFewTokensAsMayBe) {
  for (const std::int64_t cp : {1, 2}) {
    const PackedBatch batch = idle_batch({.token_multiple = 4, .cp = cp, .cp_rank = cp - 1}, at::kCPU);
    EXPECT_EQ(batch.num_tokens, 4);
    EXPECT_EQ(batch.tokens_T.size(0), 4);
    EXPECT_EQ(batch.rows_N.numel(), 0);
    EXPECT_TRUE(batch.sequences.empty());
  }
}

TEST(Pack, NothingGivesNoBatch) {
  EXPECT_TRUE(pack({}, {.max_tokens = 10, .share_prompt = true}, at::kCPU).empty());
  const Collection unanswered = collection_of({4}, {{0, 0}});
  EXPECT_TRUE(pack(unanswered.sequences, {.max_tokens = 10, .share_prompt = true}, at::kCPU).empty());
  EXPECT_TRUE(pack(unanswered.sequences, {.max_tokens = 10, .share_prompt = false}, at::kCPU).empty());
}

TEST(Pack, AGroupWithTwoPromptsIsADefect) {
  Collection collection = collection_of({4, 5}, {{2}, {2}});
  collection.sequences[1].group = 0;
  EXPECT_THROW(pack(collection.sequences, {.max_tokens = 100, .share_prompt = true}, at::kCPU), Error);
}

}  // namespace
}  // namespace muster::train

// Packed and paged attention on the CPU against the plain forms in float64, and against each other.
// Letters: T tokens, H query heads, K key/value heads, E head width.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/ops/attention_forms.h"
#include "runtime/ops/packed_keys.h"
#include "tests/support/tensor_support.h"

namespace muster::ops {
namespace {

using tests::near;

at::Tensor random(at::IntArrayRef shape, int seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions().dtype(at::kFloat));
}

struct Case {
  const char* name;
  std::int64_t heads, kv_heads, width;
  std::vector<std::pair<std::int64_t, std::int64_t>> segments;  // length, prefix
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"one token", 2, 1, 16, {{1, -1}}},
      {"groups of short answers", 4, 2, 16, {{9, -1}, {4, 0}, {1, 0}, {5, 0}, {12, -1}, {3, 4}, {6, 4}}},
      {"answers before their prompt, empty ones", 3, 3, 8, {{2, 2}, {0, 2}, {5, -1}, {7, -1}, {0, -1}, {3, 4}}},
      {"widths that fill no vector", 6, 2, 12, {{17, -1}, {18, 0}, {33, -1}}},
      {"several blocks", 9, 3, 64, {{150, -1}, {70, 0}, {3, 0}}},
      {"long rows", 1, 1, 10, {{2060, -1}, {40, 0}}},
  };
  return all;
}

std::vector<Segment> segments_of(const Case& shape, std::int64_t& num_tokens) {
  std::vector<Segment> segments;
  num_tokens = 0;
  for (const auto& [length, prefix] : shape.segments) {
    segments.push_back({num_tokens, length, prefix});
    num_tokens += length;
  }
  return segments;
}

TEST(PackedAttention, MatchesThePlainFormForwardsAndBackwards) {
  for (const Case& shape : cases()) {
    SCOPED_TRACE(shape.name);
    std::int64_t T = 0;
    const std::vector<Segment> segments = segments_of(shape, T);
    const at::Tensor q = random({T, shape.heads, shape.width}, 1).requires_grad_(true),
                     k = random({T, shape.kv_heads, shape.width}, 2).requires_grad_(true),
                     v = random({T, shape.kv_heads, shape.width}, 3).requires_grad_(true),
                     upstream = random({T, shape.heads, shape.width}, 4);
    const at::Tensor o = packed_attention(q, k, v, segments);
    o.backward(upstream);
    const auto wide = [](const at::Tensor& x) { return x.detach().to(at::kDouble); };
    const auto [expected, lse] = plain::packed_attention_forward(wide(q), wide(k), wide(v), spans_of(segments));
    EXPECT_TRUE(near(o, expected, 2e-6, 2e-6));
    const Heads gradients =
        plain::packed_attention_backward(wide(upstream), wide(q), wide(k), wide(v), expected, lse, spans_of(segments));
    EXPECT_TRUE(near(q.grad(), gradients.q_THE, 1e-5, 1e-5));
    EXPECT_TRUE(near(k.grad(), gradients.k_TKE, 2e-5, 2e-5));
    EXPECT_TRUE(near(v.grad(), gradients.v_TKE, 2e-5, 2e-5));
  }
}

/// Chunks of a sequence of 40, of a prompt of 11 and of an answer behind it: queries apart from their keys, of which
/// some are seen by none.
std::vector<AttentionSpan> chunks() {
  return {{.begin = 0, .length = 10, .keys = 3, .num_keys = 20},
          {.begin = 10, .length = 10, .keys = 3, .num_keys = 40},
          {.begin = 20, .length = 1, .keys = 43, .num_keys = 4},
          {.begin = 21, .length = 2, .keys = 54, .num_keys = 2, .prefix = 43, .prefix_keys = 11},
          {.begin = 23, .length = 1, .keys = 54, .num_keys = 7, .prefix = 43, .prefix_keys = 11},
          {.begin = 24, .length = 3, .keys = 43, .num_keys = 11}};
}
constexpr std::int64_t kChunkQueries = 27, kChunkKeys = 65;

TEST(PackedAttention, SpansWithKeysElsewhereMatchThePlainForm) {
  const at::Tensor q = random({kChunkQueries, 4, 16}, 1), k = random({kChunkKeys, 2, 16}, 2),
                   v = random({kChunkKeys, 2, 16}, 3), upstream = random({kChunkQueries, 4, 16}, 4);
  const auto wide = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const auto [expected, expected_lse] = plain::packed_attention_forward(wide(q), wide(k), wide(v), chunks());
  const auto [o, lse] = cpu::packed_attention_forward(q, k, v, chunks());
  EXPECT_TRUE(near(o, expected, 2e-6, 2e-6));
  EXPECT_TRUE(near(lse, expected_lse, 2e-6, 2e-6));
  const Heads slopes = cpu::packed_attention_backward(upstream, q, k, v, o, lse, chunks());
  const Heads gradients =
      plain::packed_attention_backward(wide(upstream), wide(q), wide(k), wide(v), expected, expected_lse, chunks());
  EXPECT_TRUE(near(slopes.q_THE, gradients.q_THE, 1e-5, 1e-5));
  EXPECT_TRUE(near(slopes.k_TKE, gradients.k_TKE, 2e-5, 2e-5));
  EXPECT_TRUE(near(slopes.v_TKE, gradients.v_TKE, 2e-5, 2e-5));
  EXPECT_EQ(slopes.k_TKE.narrow(0, 61, 4).abs().max().item<float>(), 0) << "keys that no query sees";
}

/// What a kernel of sequences of different length is asked, as the CUDA form asks one: each sequence's keys in one
/// piece, the last query at the last key.
std::vector<AttentionSpan> sequences_of(const PackedKeys& keys) {
  std::vector<AttentionSpan> spans;
  const auto* const queries = keys.query_begins.const_data_ptr<std::int32_t>();
  const auto* const begins = keys.key_begins.const_data_ptr<std::int32_t>();
  for (std::int64_t s = 0; s + 1 < keys.query_begins.numel(); ++s)
    spans.push_back({.begin = queries[s],
                     .length = queries[s + 1] - queries[s],
                     .keys = begins[s],
                     .num_keys = begins[s + 1] - begins[s]});
  return spans;
}

TEST(PackedKeys, KernelsOfSequencesOfDifferentLengthGiveWhatSpansSay) {
  const auto wide = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const at::Tensor q = wide(random({kChunkQueries, 4, 16}, 1)), k = wide(random({kChunkKeys, 2, 16}, 2)),
                   v = wide(random({kChunkKeys, 2, 16}, 3)), upstream = wide(random({kChunkQueries, 4, 16}, 4));
  const PackedKeys keys = packed_keys_of(chunks(), kChunkKeys, at::kCPU);
  EXPECT_EQ(keys.most_queries, 10);
  EXPECT_EQ(keys.most_keys, 40);
  EXPECT_EQ(keys.rows.numel(), 20 + 40 + 4 + 13 + 18 + 11);
  const std::vector<AttentionSpan> sequences = sequences_of(keys);
  const at::Tensor packed_k = packed(keys, k), packed_v = packed(keys, v);
  const auto [o, lse] = plain::packed_attention_forward(q, packed_k, packed_v, sequences);
  const auto [expected, expected_lse] = plain::packed_attention_forward(q, k, v, chunks());
  EXPECT_TRUE(near(o, expected, 1e-12, 1e-12));
  EXPECT_TRUE(near(lse, expected_lse, 1e-12, 1e-12));
  const Heads slopes = plain::packed_attention_backward(upstream, q, packed_k, packed_v, o, lse, sequences);
  const Heads gradients = plain::packed_attention_backward(upstream, q, k, v, o, lse, chunks());
  EXPECT_TRUE(near(slopes.q_THE, gradients.q_THE, 1e-12, 1e-12));
  EXPECT_TRUE(near(unpacked_sum(keys, slopes.k_TKE, kChunkKeys), gradients.k_TKE, 1e-12, 1e-12));
  EXPECT_TRUE(near(unpacked_sum(keys, slopes.v_TKE, kChunkKeys), gradients.v_TKE, 1e-12, 1e-12));
}

TEST(PackedKeys, KeysOfWholeSequencesStayWhereTheyAre) {
  const PackedKeys keys = packed_keys_of(spans_of({{0, 5, -1}, {5, 0, -1}, {5, 3, -1}}), 8, at::kCPU);
  EXPECT_FALSE(keys.rows.defined());
  const at::Tensor k = random({8, 2, 16}, 2);
  EXPECT_TRUE(packed(keys, k).is_same(k));
  EXPECT_TRUE(unpacked_sum(keys, k, 8).is_same(k));
}

TEST(PackedAttention, ASharedPrefixGivesWhatRepeatedOnesGive) {
  const std::int64_t prompt = 10, answers[] = {4, 7, 1};
  const at::Tensor q = random({22, 4, 16}, 1), k = random({22, 2, 16}, 2), v = random({22, 2, 16}, 3);
  const at::Tensor shared = packed_attention(q, k, v, {{0, prompt, -1}, {10, 4, 0}, {14, 7, 0}, {21, 1, 0}});
  std::int64_t at = prompt;
  for (const std::int64_t length : answers) {
    const auto alone = [&](const at::Tensor& x) { return at::cat({x.narrow(0, 0, prompt), x.narrow(0, at, length)}); };
    const at::Tensor o = packed_attention(alone(q), alone(k), alone(v), {{0, prompt + length, -1}});
    EXPECT_TRUE(near(shared.narrow(0, at, length), o.narrow(0, prompt, length), 1e-6, 1e-6));
    at += length;
  }
}

TEST(PackedAttention, ComputesBf16InFloat32) {
  std::int64_t T = 0;
  const std::vector<Segment> segments = segments_of(cases()[1], T);
  const at::Tensor q = random({T, 4, 16}, 1).to(at::kBFloat16), k = random({T, 2, 16}, 2).to(at::kBFloat16),
                   v = random({T, 2, 16}, 3).to(at::kBFloat16);
  const at::Tensor o = packed_attention(q, k, v, segments);
  EXPECT_EQ(o.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(tests::same_bits(
      o, packed_attention(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), segments).to(at::kBFloat16)));
}

TEST(PackedAttention, RefusesSegmentsThatDoNotCoverTheTokens) {
  const at::Tensor q = random({5, 2, 8}, 1), k = random({5, 1, 8}, 2);
  EXPECT_THROW(packed_attention(q, k, k, {{0, 4, -1}}), Error);
  EXPECT_THROW(packed_attention(q, k, k, {{0, 2, -1}, {3, 2, -1}}), Error);
  EXPECT_THROW(packed_attention(q, k, k, {{0, 2, 1}, {2, 3, 0}}), Error);
}

/// Sequences whose pages lie scattered in the cache; the last `fresh` keys of each are new.
struct PagedCase {
  PagedBatch batch;
  at::Tensor q, k, v, keys, values;      // of the new tokens; the cache
  std::vector<at::Tensor> all_k, all_v;  // of each sequence
};

PagedCase paged_case(std::int64_t H, std::int64_t K, std::int64_t E, std::int64_t page_tokens,
                     const std::vector<std::pair<std::int64_t, std::int64_t>>& lengths) {
  PagedCase made;
  made.batch.page_tokens = page_tokens;
  made.batch.query_begin = {0};
  made.batch.page_begin = {0};
  made.keys = at::full({64, page_tokens, K, E}, 1e30f);
  made.values = at::full({64, page_tokens, K, E}, 1e30f);
  std::vector<at::Tensor> new_k, new_v;
  int next_page = 63;
  std::int64_t num_new = 0;
  for (const auto& [length, fresh] : lengths) {
    const at::Tensor k = random({length, K, E}, 10 + next_page), v = random({length, K, E}, 100 + next_page);
    const std::int64_t first = std::ssize(made.batch.pages);
    for (std::int64_t p = 0; p * page_tokens < length; ++p) made.batch.pages.push_back(next_page--);
    for (std::int64_t t = 0; t < length; ++t) {
      const std::int64_t page = made.batch.pages[first + t / page_tokens], offset = t % page_tokens;
      if (t >= length - fresh) {
        made.batch.slots.push_back(page * page_tokens + offset);
      } else {
        made.keys[page][offset].copy_(k[t]);
        made.values[page][offset].copy_(v[t]);
      }
    }
    num_new += fresh;
    made.batch.lengths.push_back(static_cast<std::int32_t>(length));
    made.batch.query_begin.push_back(static_cast<std::int32_t>(num_new));
    made.batch.page_begin.push_back(static_cast<std::int32_t>(made.batch.pages.size()));
    new_k.push_back(k.narrow(0, length - fresh, fresh));
    new_v.push_back(v.narrow(0, length - fresh, fresh));
    made.all_k.push_back(k);
    made.all_v.push_back(v);
  }
  made.k = at::cat(new_k);
  made.v = at::cat(new_v);
  made.q = random({num_new, H, E}, 5);
  return made;
}

TEST(PagedAttention, MatchesThePlainFormForDecodeAndPrefill) {
  for (const auto& [H, K, E, page] : {std::array<std::int64_t, 4>{4, 2, 16, 4}, {9, 3, 64, 16}, {5, 1, 12, 8}}) {
    PagedCase made = paged_case(H, K, E, page, {{1, 1}, {9, 1}, {40, 40}, {33, 5}, {17, 2}, {64, 1}});
    append_pages(made.keys, made.values, made.k, made.v, made.batch);
    const at::Tensor o = paged_attention(made.q, made.keys, made.values, made.batch);
    EXPECT_TRUE(near(o,
                     plain::paged_attention(made.q.to(at::kDouble), made.keys.to(at::kDouble),
                                            made.values.to(at::kDouble), made.batch),
                     2e-6, 2e-6));
    // The trainer's attention over each whole sequence says the same of its last tokens.
    for (std::size_t s = 0; s < made.batch.lengths.size(); ++s) {
      const std::int64_t begin = made.batch.query_begin[s], fresh = made.batch.query_begin[s + 1] - begin,
                         length = made.batch.lengths[s];
      const at::Tensor q = at::cat({at::zeros({length - fresh, H, E}), made.q.narrow(0, begin, fresh)});
      const at::Tensor packed = packed_attention(q, made.all_k[s], made.all_v[s], {{0, length, -1}});
      EXPECT_TRUE(near(o.narrow(0, begin, fresh), packed.narrow(0, length - fresh, fresh), 1e-6, 1e-6))
          << "sequence " << s;
    }
  }
}

TEST(PagedAttention, AppendWritesTheSlotsAndNothingElse) {
  PagedCase made = paged_case(2, 1, 8, 4, {{6, 2}, {4, 4}});
  at::Tensor keys = made.keys.clone(), values = made.values.clone();
  append_pages(made.keys, made.values, made.k, made.v, made.batch);
  plain::append_pages(keys, values, made.k, made.v, made.batch);
  EXPECT_TRUE(tests::same_bits(made.keys, keys));
  EXPECT_TRUE(tests::same_bits(made.values, values));
  made.batch.slots[0] = 64 * 4;
  EXPECT_THROW(append_pages(made.keys, made.values, made.k, made.v, made.batch), Error);
}

}  // namespace
}  // namespace muster::ops

// Random legal mixes of all axes against the twin: what a list of layouts would forget. MUSTER_LAYOUTS says how many
// (3), MUSTER_SEED the first one's seed; each has the seed after that of the one before.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "runtime/base/text.h"
#include "runtime/spec/choices.h"
#include "runtime/spec/facts_schema.h"
#include "tests/runtime/train/layout_check.h"

namespace muster::train {
namespace {

constexpr std::int64_t kMostRanks = 8;
constexpr std::int64_t kMostLayers = 4;  // in deeper ones float32 rounds away more than the tolerance

struct Mix {
  spec::ModelFacts facts;
  spec::Degrees degrees;
  spec::TrainJob train;  // beside the degrees
  std::int64_t max_tokens = 0;

  std::string text() const {
    const spec::Degrees& d = degrees;
    return base::text(
        spec::choice_name(facts.family), " of ", facts.num_layers, " layers", facts.tied_embeddings ? ", tied" : "",
        ": tp ", d.tp, train.sequence_parallel ? " by tokens" : "", ", cp ", d.cp, ", ep ", d.ep, ", etp ", d.etp,
        ", dp ", d.dp, ", pp ", d.pp, ", vpp ", d.vpp, ", fsdp ", d.fsdp, ", recompute ",
        spec::choice_name(train.recompute), train.share_prompt ? ", shared prompts" : "",
        train.overlap_grad_reduce ? ", overlapped sums" : "", train.overlap_param_gather ? ", overlapped weights" : "",
        ", buckets of ", train.bucket_params, ", micro batches of ", max_tokens);
  }
};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  template <class Value>
  Value one_of(std::initializer_list<Value> values) {
    return values.begin()[random_() % values.size()];
  }
  bool coin() { return random_() % 2 == 0; }

 private:
  std::mt19937_64 random_;
};

/// Degrees that divide, of 2 to kMostRanks ranks.
spec::Degrees drawn_degrees(Draw& draw, bool has_experts) {
  while (true) {
    spec::Degrees d;
    for (std::int64_t* const degree : {&d.tp, &d.cp, &d.dp, &d.pp})
      *degree = draw.one_of<std::int64_t>({1, 1, 2, 2, 4});
    if (d.pp == 2) d.vpp = draw.one_of<std::int64_t>({1, 2});
    if (d.pp == 1 && d.cp * d.dp > 1) d.fsdp = draw.one_of<std::int64_t>({0, 1});
    if (has_experts && d.fsdp == 0) d.ep = draw.one_of<std::int64_t>({1, 2, 4});
    if (has_experts && d.ep == 1) d.etp = draw.one_of<std::int64_t>({1, d.tp});
    if (d.ranks() >= 2 && d.ranks() <= kMostRanks && d.tp * d.cp * d.dp % d.ep == 0) return d;
  }
}

Mix drawn_mix(std::uint64_t seed) {
  Draw draw(seed);
  Mix mix;
  const auto family = draw.one_of({spec::Family::llama, spec::Family::qwen2, spec::Family::qwen3,
                                   spec::Family::qwen3_moe, spec::Family::deepseek_v3, spec::Family::deepseek_v3});
  mix.facts = draw.coin() ? tied(family) : untied(family);
  mix.degrees = drawn_degrees(draw, mix.facts.num_experts > 0);
  mix.facts.num_layers = std::max<std::int64_t>(2, mix.degrees.pp * mix.degrees.vpp);
  if (draw.coin()) mix.facts.num_layers = kMostLayers;
  mix.train.sequence_parallel = mix.degrees.tp > 1 && draw.coin();
  mix.train.recompute =
      draw.one_of({spec::Recompute::none, spec::Recompute::full, spec::Recompute::attention, spec::Recompute::mlp});
  mix.train.share_prompt = draw.coin();
  mix.train.overlap_grad_reduce = draw.coin();
  mix.train.overlap_param_gather = draw.coin();
  mix.train.bucket_params = draw.one_of<std::int64_t>({1500, 4000, 40'000'000});
  mix.max_tokens = draw.one_of<std::int64_t>({12, 16, 24, 48, 400});
  return mix;
}

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(RandomLayouts, GiveWhatOneRankGives) {
  const std::uint64_t first = number_of("MUSTER_SEED", 20261201), count = number_of("MUSTER_LAYOUTS", 3);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Mix mix = drawn_mix(seed);
    SCOPED_TRACE(base::text("MUSTER_SEED=", seed, " MUSTER_LAYOUTS=1: ", mix.text()));
    compare_layout(mix.facts, mix.degrees, [&](spec::Job& job) {
      job.train.sequence_parallel = mix.train.sequence_parallel;
      job.train.recompute = mix.train.recompute;
      job.train.share_prompt = mix.train.share_prompt;
      job.train.overlap_grad_reduce = mix.train.overlap_grad_reduce;
      job.train.overlap_param_gather = mix.train.overlap_param_gather;
      job.train.bucket_params = mix.train.bucket_params;
      job.packing.max_tokens = mix.max_tokens;
    });
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace muster::train

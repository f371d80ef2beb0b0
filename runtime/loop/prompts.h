// The prompts of a step, which every rank draws alike, and the numbers under which samples are drawn.
#pragma once

#include "runtime/data/prompts.h"
#include "runtime/data/tokenizer.h"
#include "runtime/loop/context.h"
#include "runtime/loop/rollout.h"

namespace muster::loop {

/// A sample's noise is keyed by the seed and the number of its draw. That of a step is the step's; these lie far from
/// all steps, so that no sample of the run shares its noise with them.
inline constexpr std::int64_t kWarmStartDraws = std::int64_t{1} << 40, kValidationDraw = std::int64_t{1} << 41,
                              kSamplingRoundDraws = std::int64_t{1} << 42;
/// The order of the rows in the supervised start, and of those that measure it, comes of the seed plus these.
inline constexpr std::uint64_t kWarmStartSalt = 0x5EED0000, kMeasureSalt = 0x5EED0001;

/// The job's prompts, through the run's index where it has one.
data::PromptSource open_prompts(const RankContext& context, const data::Tokenizer& tokenizer, std::uint64_t seed,
                                data::Part part = data::Part::train);
/// The next prompts of the source, the same on every rank.
std::vector<StepPrompt> next_prompts(data::PromptSource& source, std::int64_t count);

}  // namespace muster::loop

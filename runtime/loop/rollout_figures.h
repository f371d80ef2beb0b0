// What the record of a step says of its samples.
#pragma once

#include "runtime/data/tokenizer.h"
#include "runtime/log/records.h"
#include "runtime/loop/context.h"
#include "runtime/loop/rollout.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

/// A record with the rewards, lengths, outcomes and groups of a rollout.
spec::StepRecord rollout_figures(const RankContext& context, const Rollout& rollout);
/// Samples for the records: as many as log.samples asks for, the first of every group before the second of any; all
/// with -1.
std::vector<log::SampleRecord> sample_records(const spec::Job& job, const Rollout& rollout,
                                              const data::Tokenizer& tokenizer, std::int64_t step);

}  // namespace muster::loop

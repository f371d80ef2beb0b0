// The record of a step put together from its parts; every formula of a figure stands here.
#pragma once

#include "runtime/data/tokenizer.h"
#include "runtime/log/records.h"
#include "runtime/loop/policy.h"
#include "runtime/loop/rollout.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

struct TrainFigures;

/// Rewards, lengths, outcomes and advantages' groups of a rollout.
spec::StepRecord rollout_figures(const RankContext& context, const Rollout& rollout);
void add_train_figures(spec::StepRecord& record, const TrainFigures& figures);
void add_refit_figures(spec::StepRecord& record, const refit::RefitFigures& figures);
/// Phase seconds of this rank, the slowest rank of each phase, memory by owner over all ranks, rates. collective:
/// world.
void add_rank_figures(spec::StepRecord& record, RankContext& context, Policy& policy);
/// Samples for the records: the first sample of as many groups as log.samples wants, then the second of each, and so
/// on; all with -1.
std::vector<log::SampleRecord> sample_records(const spec::Job& job, const Rollout& rollout,
                                              const data::Tokenizer& tokenizer, std::int64_t step);

}  // namespace muster::loop

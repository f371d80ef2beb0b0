// The page of `muster plan JOB --schedule`: what each stage of the trainer's pipeline holds, and when it works.
#include <algorithm>

#include "launcher/plan/show.h"
#include "runtime/base/text.h"
#include "runtime/spec/schedule.h"

namespace muster::plan {
namespace {

using base::text;

/// Micro batches of one rank in an update where every sample is as long as it may be: shorter ones pack into fewer.
std::int64_t most_micro_batches(const spec::Job& job) {
  const std::int64_t samples = spec::update_samples(job) / job.train.dp;
  const std::int64_t each =
      job.packing.enabled ? std::max<std::int64_t>(1, spec::micro_batch_tokens(job) / job.grpo.max_sequence_tokens)
                          : job.train.mbs;
  return (samples + each - 1) / each;
}

/// "embedding, layers 0-7, 16-23".
std::string contents(const spec::Plan& plan, std::int64_t stage) {
  std::vector<std::string> parts;
  spec::Range run{-1, -1};
  const auto end_run = [&] {
    if (run.begin < 0) return;
    const std::string first = parts.empty() || !parts.back().starts_with("layers") ? "layers " : "";
    parts.push_back(run.size() == 1 ? text(first, run.begin) : text(first, run.begin, "-", run.end - 1));
    run = {-1, -1};
  };
  for (const spec::Parameter& parameter : spec::parameters_of(plan.model)) {
    if (spec::box_of(plan.model, parameter, plan.train, {.pp = stage}).numel() == 0) continue;
    if (parameter.layer < 0) {
      if (stage > 0 && !parameter.is_after_layers) continue;  // a tied embedding: the head, below
      end_run();
      parts.push_back(parameter.is_after_layers ? parameter.shape.size() == 1 ? "final norm" : "head" : "embedding");
    } else if (parameter.layer != run.end - 1) {
      if (parameter.layer != run.end) end_run();
      run = {run.begin < 0 ? parameter.layer : run.begin, parameter.layer + 1};
    }
  }
  end_run();
  if (plan.model.tied_embeddings && stage == plan.train.pp - 1) parts.emplace_back("the embedding as head");
  return base::join(parts, ", ");
}

}  // namespace

std::string schedule_page(const spec::Plan& plan) {
  const std::int64_t stages = plan.train.pp, chunks = plan.train.vpp, most = most_micro_batches(plan.job),
                     shown = std::min<std::int64_t>(most, stages <= 4 ? 2 * stages : stages);
  const spec::PipelineSchedule whole = spec::make_schedule(stages, chunks, most);
  std::string page = text("pipeline of an update: ", stages, stages == 1 ? " stage" : " stages",
                          chunks > 1 ? text(" of ", chunks, " chunks, interleaved 1F1B") : ", 1F1B", "\n");
  for (std::int64_t stage = 0; plan.model.hidden_size > 0 && stage < stages; ++stage)
    page += text("  stage ", stage, "  ", contents(plan, stage), "\n");
  const bool full_rounds = chunks == 1 || most % stages == 0;
  page += text("micro batches of a rank: ", most, " at most, packed from ",
               spec::update_samples(plan.job) / plan.job.train.dp, " samples\n");
  page +=
      text("slots: ", whole.num_slots(), ", idle in ", base::number_text(100 * spec::idle_share(whole), 1), " %",
           full_rounds ? text(" = (", stages, " - 1) / (", chunks, " x ", most, " + ", stages, " - 1)") : "", "\n\n");
  page += spec::schedule_grid(spec::make_schedule(stages, chunks, shown));
  page += text("F forward, B backward of a micro batch", chunks > 1 ? ", behind the dot the chunk" : "", "; . idle; ",
               shown, " micro batches shown\n");
  return page;
}

}  // namespace muster::plan

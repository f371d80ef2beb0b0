#include "launcher/plan/changes.h"

#include "runtime/base/text.h"

namespace muster::plan {

using base::text;
using spec::Job;

namespace {

/// Takes `factor` from the replicas of the trainer and gives it to another axis.
Change from_dp(std::int64_t spec::TrainJob::*axis, const char* name, std::int64_t factor) {
  return [=](Job& job) -> std::string {
    if (job.train.dp % factor != 0) return "";
    job.train.dp /= factor;
    job.train.*axis *= factor;
    job.train.first_stage_layers = job.train.last_stage_layers = 0;
    return text(name, " = ", job.train.*axis, " with train.dp = ", job.train.dp);
  };
}

Change more_replicas(std::int64_t factor) {
  return [=](Job& job) -> std::string {
    job.train.dp *= factor;
    const bool is_split = job.placement.mode == spec::PlacementMode::split;
    if (!is_split) job.gen.dp *= factor;
    return text("train.dp = ", job.train.dp, is_split ? "" : text(" and gen.dp = ", job.gen.dp), ", ", factor,
                " times the GPUs");
  };
}

}  // namespace

Change gen_tp(std::int64_t factor) {
  return [=](Job& job) -> std::string {
    if (job.gen.dp % factor != 0) return "";
    job.gen.dp /= factor;
    job.gen.tp *= factor;
    return text("gen.tp = ", job.gen.tp, " with gen.dp = ", job.gen.dp);
  };
}

std::vector<Change> cheap_changes() {
  return {[](Job& job) -> std::string {
            if (job.gen.kv_gb == 0) return "";
            job.gen.kv_gb = 0;
            return "gen.kv_gb = 0 (what is left)";
          },
          [](Job& job) -> std::string {
            if (job.train.logprob_chunk_tokens <= 256) return "";
            job.train.logprob_chunk_tokens = 256;
            return "train.logprob_chunk_tokens = 256";
          },
          [](Job& job) -> std::string {
            if (job.train.logprob_mbs <= 1) return "";
            job.train.logprob_mbs = 1;
            return "train.logprob_mbs = 1";
          },
          [](Job& job) -> std::string {
            if (job.train.mbs == 1 && job.packing.max_tokens == 0) return "";
            job.train.mbs = 1;
            job.packing.max_tokens = 0;
            return text("train.mbs = 1 (micro batches of ", job.grpo.max_sequence_tokens, " tokens)");
          },
          [](Job& job) -> std::string {
            if (job.train.recompute == spec::Recompute::full) return "";
            job.train.recompute = spec::Recompute::full;
            return "train.recompute = \"full\"";
          },
          [](Job& job) -> std::string {
            if (job.train.grad_dtype == spec::DataType::bf16 || job.model.dtype != spec::DataType::bf16) return "";
            job.train.grad_dtype = spec::DataType::bf16;
            return "train.grad_dtype = \"bf16\"";
          }};
}

std::vector<Change> layout_changes() {
  std::vector<Change> list;
  for (const std::int64_t factor : {2, 4, 8}) {
    list.push_back(from_dp(&spec::TrainJob::pp, "train.pp", factor));
    list.push_back(from_dp(&spec::TrainJob::tp, "train.tp", factor));
    list.push_back(from_dp(&spec::TrainJob::cp, "train.cp", factor));
    list.emplace_back([factor](Job& job) -> std::string {
      job.train.ep *= factor;
      return text("train.ep = ", job.train.ep);
    });
  }
  for (const std::int64_t factor : {2, 4, 8}) list.push_back(more_replicas(factor));
  return list;
}

}  // namespace muster::plan

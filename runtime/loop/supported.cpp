#include "runtime/loop/supported.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/spec/choices.h"
#include "runtime/spec/facts_schema.h"

namespace muster::loop {

void check_supported(const spec::Plan& plan, const std::string& where) {
  const spec::Job& job = plan.job;
  base::Faults faults;
  const auto refuse = [&](bool asked, const std::string& what, const std::string& mend) {
    if (asked) faults.add({.what = "this runtime does not run " + what + " yet", .where = where, .fix = mend});
  };
  const auto degree = [&](std::int64_t value, const char* key) {
    refuse(value > 1, base::text(key, " = ", value), base::text("set ", key, " = 1"));
  };
  refuse(plan.model.num_experts > 0 || plan.model.kv_lora_rank > 0 || !plan.model.layer_pattern.empty(),
         base::text("models of the family ", spec::choice_name(plan.model.family)),
         "choose a dense Llama, Qwen2 or Qwen3 model");
  degree(job.train.cp, "train.cp");
  degree(job.train.ep, "train.ep");
  degree(job.train.etp, "train.etp");
  degree(job.gen.pp, "gen.pp");
  degree(job.gen.ep, "gen.ep");
  const auto flag = [&](bool asked, const char* key) {
    refuse(asked, base::text(key, " = true"), base::text("set ", key, " = false"));
  };
  flag(job.train.sequence_parallel, "train.sequence_parallel");
  flag(job.train.fp8, "train.fp8");
  refuse(job.train.recompute == spec::Recompute::attention || job.train.recompute == spec::Recompute::mlp,
         base::text("train.recompute = \"", spec::choice_name(job.train.recompute), "\""),
         "set train.recompute = \"full\", or \"none\"");
  refuse(job.moe.bias_update_rate > 0, base::text("moe.bias_update_rate = ", job.moe.bias_update_rate),
         "set moe.bias_update_rate = 0");
  flag(job.grpo.dynamic_sampling, "grpo.dynamic_sampling");
  refuse(job.loss.ratio != spec::RatioLevel::token, "loss.ratio = \"sequence\"", "set loss.ratio = \"token\"");
  refuse(job.gen.draft_tokens > 0, base::text("gen.draft_tokens = ", job.gen.draft_tokens), "set gen.draft_tokens = 0");
  refuse(job.gen.kv_dtype != spec::CacheType::automatic,
         base::text("gen.kv_dtype = \"", spec::choice_name(job.gen.kv_dtype), "\""),
         "set gen.kv_dtype = \"automatic\"");
  refuse(job.async.enabled, "async.enabled = true", "set async.enabled = false");
  refuse(job.gen.dtype == spec::DataType::fp8 || job.model.dtype == spec::DataType::fp8, "fp8",
         "set model.dtype and gen.dtype to \"bf16\"");
  refuse(plan.device == "cuda" && plan.model.head_dim != 64 && plan.model.head_dim != 128,
         base::text("a model with heads of ", plan.model.head_dim, " on cuda"),
         "take one with heads of 64 or 128; the tiny job for GPUs is reverse-digits-gpu");
  refuse(plan.device == "cuda" && job.train.share_prompt, "train.share_prompt = true on cuda",
         "set train.share_prompt = false");
  faults.throw_if_any();
}

}  // namespace muster::loop

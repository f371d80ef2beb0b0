// The one list of what the runtime lacks. A line goes when its axis, mode or family runs.
#include "runtime/spec/supported.h"

#include "runtime/base/text.h"
#include "runtime/spec/choices.h"
#include "runtime/spec/facts_schema.h"

namespace muster::spec {

using base::text;

std::vector<base::Fault> unsupported(const Plan& plan) {
  const Job& job = plan.job;
  std::vector<base::Fault> faults;
  const auto refuse = [&](bool asked, const std::string& setting, const std::string& fix) {
    if (asked) faults.push_back({.what = setting, .where = "", .fix = fix});
  };
  const auto flag = [&](bool asked, const char* key) {
    refuse(asked, text(key, " = true"), text("set ", key, " = false"));
  };
  refuse(!runs(plan.model.family), text("models of the family ", choice_name(plan.model.family)),
         "choose a Llama, Qwen2, Qwen3, Qwen3-MoE or DeepSeek-V3 model");
  refuse(job.train.etp > 1 && (job.train.ep > 1 || job.train.etp != job.train.tp),
         text("train.etp = ", job.train.etp, " with train.tp = ", job.train.tp, " and train.ep = ", job.train.ep),
         "set train.etp = 1, or train.etp = train.tp with train.ep = 1");
  flag(job.train.fp8, "train.fp8");
  refuse(job.moe.bias_update_rate > 0, text("moe.bias_update_rate = ", job.moe.bias_update_rate),
         "set moe.bias_update_rate = 0");
  // Off policy the prompts of a step are known before those of the step before are graded.
  refuse(job.grpo.dynamic_sampling && job.async.enabled, "grpo.dynamic_sampling = true with async.enabled",
         "set grpo.dynamic_sampling = false, or async.enabled = false");
  // The tokens of a sequence lie on all ranks of a cp group; their sum would have to be taken there.
  refuse(job.loss.ratio == RatioLevel::sequence && job.train.cp > 1,
         text("loss.ratio = \"sequence\" with train.cp = ", job.train.cp),
         "set train.cp = 1, or loss.ratio = \"token\"");
  refuse(job.loss.correction == Correction::mask_samples && job.train.cp > 1,
         text("loss.correction = \"mask_samples\" with train.cp = ", job.train.cp),
         "set train.cp = 1, or loss.correction = \"mask\"");
  refuse(
      job.loss.correction != Correction::none && job.loss.correction_level != CorrectionLevel::token &&
          job.train.cp > 1,
      text("loss.correction_level = \"", choice_name(job.loss.correction_level), "\" with train.cp = ", job.train.cp),
      "set train.cp = 1, or loss.correction_level = \"token\"");
  refuse(job.gen.draft_tokens > 0, text("gen.draft_tokens = ", job.gen.draft_tokens), "set gen.draft_tokens = 0");
  refuse(job.gen.kv_dtype != CacheType::automatic, text("gen.kv_dtype = \"", choice_name(job.gen.kv_dtype), "\""),
         "set gen.kv_dtype = \"automatic\"");
  refuse(job.gen.dtype == DataType::fp8 || job.model.dtype == DataType::fp8, "fp8",
         "set model.dtype and gen.dtype to \"bf16\"");
  // A GPU has kernels for two widths of heads; latents of another width have the plain form of attention over pages.
  refuse(plan.device == "cuda" && plan.model.kv_lora_rank > 0 && !job.allow_fallback,
         "latent attention on cuda with allow_fallback = false", "set allow_fallback = true: generation is slow so");
  refuse(plan.device == "cuda" && plan.model.hidden_size > 0 && plan.model.kv_lora_rank == 0 &&
             plan.model.head_dim != 64 && plan.model.head_dim != 128,
         text("a model with heads of ", plan.model.head_dim, " on cuda"),
         "take one with heads of 64 or 128; the tiny job for GPUs is reverse-digits-gpu");
  refuse(plan.device == "cuda" && job.train.share_prompt, "train.share_prompt = true on cuda",
         "set train.share_prompt = false");
  return faults;
}

std::string unsupported_text(const std::vector<base::Fault>& faults) {
  std::vector<std::string> settings;
  for (const base::Fault& fault : faults) settings.push_back(fault.what);
  return text("the runtime does not run ", base::join(settings, ", "), " yet");
}

void check_supported(const Plan& plan, const std::string& where) {
  base::Faults faults;
  for (base::Fault fault : unsupported(plan)) {
    fault.what = unsupported_text({fault});
    fault.where = where;
    faults.add(std::move(fault));
  }
  faults.throw_if_any();
}

}  // namespace muster::spec

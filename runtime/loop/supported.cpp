#include "runtime/loop/supported.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"

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
  degree(job.train.pp, "train.pp");
  degree(job.train.vpp, "train.vpp");
  degree(job.train.cp, "train.cp");
  degree(job.train.ep, "train.ep");
  degree(job.gen.pp, "gen.pp");
  degree(job.gen.ep, "gen.ep");
  refuse(job.train.backend == spec::Backend::dtensor, "train.backend = \"dtensor\"",
         "set train.backend = \"megatron\"");
  refuse(job.train.fsdp != 0, "train.fsdp = 1", "set train.fsdp = 0");
  refuse(job.async.enabled, "async.enabled = true", "set async.enabled = false");
  refuse(job.gen.dtype == spec::DataType::fp8 || job.model.dtype == spec::DataType::fp8, "fp8",
         "set model.dtype and gen.dtype to \"bf16\"");
  refuse(job.checkpoint.every > 0, base::text("checkpoint.every = ", job.checkpoint.every),
         "set checkpoint.every = 0 (the final model is still written)");
  refuse(job.validate.every > 0, base::text("validate.every = ", job.validate.every), "set validate.every = 0");
  refuse(job.data.held_out > 0, base::text("data.held_out = ", job.data.held_out), "set data.held_out = 0");
  refuse(job.placement.spares > 0, base::text("placement.spares = ", job.placement.spares), "set placement.spares = 0");
  refuse(plan.device == "cuda" && job.train.share_prompt, "train.share_prompt = true on cuda",
         "set train.share_prompt = false");
  faults.throw_if_any();
}

}  // namespace muster::loop

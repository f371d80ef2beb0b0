// Every key of a job, declared once: name, place in the struct, what it may be, unit, meaning. Defaults stand in job.h.
#pragma once

#include "runtime/spec/job.h"
#include "runtime/spec/visitors.h"

namespace muster::spec {

/// "" and the data sets whose fields are known by name (runtime/data/schemas).
inline std::vector<std::string> data_schemas() { return {"", "openmathinstruct-2", "dapo-math-17k"}; }

template <class Visitor, class S>
void describe_data_source(Visitor& v, S& source) {
  v.key("path", source.path, kAny, "", "as data.path");
  v.key("schema", source.schema, one_of(data_schemas()), "", "as data.schema");
  v.key("prompt_field", source.prompt_field, kAny, "", "as data.prompt_field");
  v.key("answer_field", source.answer_field, kAny, "", "as data.answer_field");
  v.key("weight", source.weight, within(0, 1e6), "", "share of the prompts; 0 for all: by their rows");
  v.key("validate_only", source.validate_only, kAny, "", "its rows are never trained on");
}

inline std::vector<std::string> reward_kinds() { return {"exact", "math", "choice", "regex", "command", "random"}; }

template <class Visitor, class P>
void describe_reward_part(Visitor& v, P& part) {
  v.key("name", part.name, kAny, "", "in the records; empty: its kind");
  v.key("kind", part.kind, one_of(reward_kinds()), "", "as reward.kind");
  v.key("weight", part.weight, within(-1e6, 1e6), "", "of this reward in the sum");
  v.key("pattern", part.pattern, kAny, "", "as reward.pattern");
  v.key("command", part.command, kAny, "", "as reward.command");
}

template <class Visitor, class J>
void describe_job(Visitor& v, J& job) {
  v.key("name", job.name, kAny, "", "names the run's folder and the Slurm job; by default the name of the job file");
  v.key("base", job.base, kAny, "",
        "the job that this one builds on: a path (\"./mine.toml\"), or a shipped base or job");
  v.key("seed", job.seed, kAny, "", "of the order of rows, of sampling and of random weights");
  v.key("rank_wrapper", job.rank_wrapper, kAny, "",
        "program and arguments put before muster-rank (a profiler, a debugger)");
  v.key("allow_fallback", job.allow_fallback, kAny, "", "go on with a plain form where a fast CUDA form is missing");
  v.key("threads", job.threads, within(1, 1024), "threads", "of one rank on the CPU");

  v.table("model", "what is trained");
  v.key("path", job.model.path, kAny, "", "Hugging Face folder, relative to the job file or below ${MUSTER_CACHE}");
  v.key("name", job.model.name, kAny, "", "facts of templates/models; when path is given too, both must agree");
  v.key("weights", job.model.weights, one_of({"file", "random"}), "", "read from path, or random with initial_std");
  v.key("initial_std", job.model.initial_std, within(0, 10), "", "standard deviation of random matrices");
  v.key("dtype", job.model.dtype, kAny, "", "of compute, and of the weights that forward passes read");

  v.table("placement", "which ranks stand where");
  v.key("mode", job.placement.mode, kAny, "", "the same ranks train and generate in turn, or two sets of nodes");
  v.key("gen_nodes", job.placement.gen_nodes, within(0, 65536), "nodes",
        "split: of the generator; 0: as many as its ranks need");
  v.key("ranks_per_node", job.placement.ranks_per_node, within(0, 4096), "ranks", "0: what the cluster file says");
  v.key("spares", job.placement.spares, within(0, 4096), "nodes",
        "extra, which stand in for nodes that preflight finds bad");
  v.key("preflight", job.placement.preflight, kAny, "",
        "look at every node, as `muster doctor` does, before ranks start");
  v.key("segment_nodes", job.placement.segment_nodes, within(0, 4096), "nodes",
        "that must share an NVLink domain (sbatch --segment); 0: as few as the job's groups need");

  v.table("gen", "the generator");
  v.key("tp", job.gen.tp, kDegree, "ranks", "tensor parallelism");
  v.key("pp", job.gen.pp, kDegree, "ranks", "pipeline parallelism");
  v.key("dp", job.gen.dp, kDegree, "replicas", "engines that share the prompts of a step");
  v.key("ep", job.gen.ep, kDegree, "ranks", "expert parallelism, carved out of tp x dp");
  v.key("dtype", job.gen.dtype, kAny, "", "of the generator's weights");
  v.key("fp8_scaling", job.gen.fp8_scaling, kAny, "", "of dtype fp8: one scale a tensor, a block, or 32 values");
  v.key("fp8_skip", job.gen.fp8_skip, kAny, "", "of dtype fp8: weights that stay in bf16, by a part of their name");
  v.key("bf16_first_layers", job.gen.bf16_first_layers, within(0, 4096), "layers", "of dtype fp8: that stay in bf16");
  v.key("bf16_last_layers", job.gen.bf16_last_layers, within(0, 4096), "layers", "of dtype fp8: that stay in bf16");
  v.key("kv_dtype", job.gen.kv_dtype, kAny, "", "of the cache; automatic: model.dtype");
  v.key("page_tokens", job.gen.page_tokens, within(1, 4096), "tokens", "of one page of the cache");
  v.key("kv_gb", job.gen.kv_gb, within(0, 100000), "GB", "of the cache on each rank; 0: what the plan leaves");
  v.key("memory_share", job.gen.memory_share, within(0, 1), "",
        "of a GPU's memory for the generator's weights and cache; 0: what the plan leaves");
  v.key("max_batch_tokens", job.gen.max_batch_tokens, kCount, "tokens",
        "of one forward pass, prefill and decode together");
  v.key("max_running_samples", job.gen.max_running_samples, within(1, 1e6), "samples",
        "that decode at the same time on a replica");
  v.key("cuda_graphs", job.gen.cuda_graphs, kAny, "", "capture the decode step: no effect yet, nothing is captured");
  v.key("draft_tokens", job.gen.draft_tokens, within(0, 16), "tokens",
        "guessed ahead by the model's own multi-token head; 0: off");

  v.table("train", "the trainer");
  v.key("backend", job.train.backend, kAny, "", "3-D parallel with sharded optimizer, or fully sharded parameters");
  v.key("tp", job.train.tp, kDegree, "ranks", "tensor parallelism");
  v.key("cp", job.train.cp, kDegree, "ranks", "context parallelism: every sequence cut over cp");
  v.key("ep", job.train.ep, kDegree, "ranks", "expert parallelism, carved out of tp x cp x dp");
  v.key("pp", job.train.pp, kDegree, "ranks", "pipeline parallelism");
  v.key("vpp", job.train.vpp, kDegree, "stages", "virtual stages of each pipeline rank");
  v.key("dp", job.train.dp, kDegree, "replicas", "data parallelism");
  v.key("etp", job.train.etp, kDegree, "ranks", "tensor parallelism of each expert");
  v.key("sequence_parallel", job.train.sequence_parallel, kAny, "", "norms and residuals cut over tp along the tokens");
  v.key("fsdp", job.train.fsdp, within(0, 1), "", "1: parameters sharded over dp x cp (backend dtensor)");
  v.key("gbs", job.train.gbs, kCountOrZero, "samples", "of one optimizer update; 0: all samples of the step");
  v.key("mbs", job.train.mbs, within(1, 1e6), "rows", "of grpo.max_sequence_tokens in one packed micro batch");
  v.key("logprob_mbs", job.train.logprob_mbs, within(0, 1e6), "rows",
        "of one micro batch of the passes without gradient; 0: as mbs");
  v.key("first_stage_layers", job.train.first_stage_layers, within(0, 4096), "layers",
        "of the first pipeline stage; 0: even");
  v.key("last_stage_layers", job.train.last_stage_layers, within(0, 4096), "layers",
        "of the last pipeline stage; 0: even");
  v.key("recompute", job.train.recompute, kAny, "",
        "what runs again in the backward pass: the half of each layer with its norm, or (full) all behind its input");
  v.key("grad_dtype", job.train.grad_dtype, kAny, "", "in which gradients are kept and summed over dp");
  v.key("overlap_grad_reduce", job.train.overlap_grad_reduce, kAny, "",
        "gradients are summed during the backward pass");
  v.key("overlap_param_gather", job.train.overlap_param_gather, kAny, "",
        "new weights are gathered during the next forward pass");
  v.key("bucket_params", job.train.bucket_params, kCount, "parameters", "summed or gathered over dp in one call");
  v.key("fp8", job.train.fp8, kAny, "", "the layers' matrix products in FP8; weights stay in model.dtype");
  v.key("fp8_scaling", job.train.fp8_scaling, kAny, "", "of fp8: one scale a tensor, a block, or 32 values");
  v.key("fp8_format", job.train.fp8_format, kAny, "", "of fp8; hybrid: gradients in e5m2");
  v.key("share_prompt", job.train.share_prompt, kAny, "", "the prompt of a group is computed once for all its samples");
  v.key("logprob_chunk_tokens", job.train.logprob_chunk_tokens, kCount, "tokens",
        "whose logits exist at the same time");

  v.table("packing", "sequences in one micro batch");
  v.key("enabled", job.packing.enabled, kAny, "", "several sequences in a row of tokens");
  v.key("max_tokens", job.packing.max_tokens, kCountOrZero, "tokens",
        "of one micro batch; 0: train.mbs x grpo.max_sequence_tokens");

  v.table("moe", "mixture of experts");
  v.key("dispatcher", job.moe.dispatcher, one_of({"alltoall"}), "", "how tokens reach their experts");
  v.key("freeze_router", job.moe.freeze_router, kAny, "", "routers are not trained");
  v.key("router_dtype", job.moe.router_dtype, one_of({"fp32", "fp64"}), "", "of the router's scores");
  v.key("bias_update_rate", job.moe.bias_update_rate, within(0, 1), "",
        "of the experts' bias towards even use, each update; 0: frozen");

  v.table("async", "generation that runs ahead of training");
  v.key("enabled", job.async.enabled, kAny, "", "needs split placement and a correction");
  v.key("max_staleness", job.async.max_staleness, within(0, 1000), "versions", "by which generation may run ahead");
  v.key("in_flight_updates", job.async.in_flight_updates, kAny, "",
        "new weights enter between two passes of running samples");
  v.key("recompute_kv", job.async.recompute_kv, kAny, "",
        "their keys and values are computed again after that; false: kept");

  v.table("grpo", "the step");
  v.key("steps", job.grpo.steps, kCountOrZero, "steps", "of the run");
  v.key("prompts_per_step", job.grpo.prompts_per_step, within(1, 1e6), "prompts", "of one step");
  v.key("samples_per_prompt", job.grpo.samples_per_prompt, within(1, 1e5), "samples", "of one group");
  v.key("max_sequence_tokens", job.grpo.max_sequence_tokens, within(2, 1e8), "tokens", "prompt and answer together");
  v.key("baseline", job.grpo.baseline, kAny, "",
        "what a reward is compared with: the other samples of the group, all, or nothing");
  v.key("normalize", job.grpo.normalize, kAny, "", "divide by the standard deviation of the group");
  v.key("whiten", job.grpo.whiten, kAny, "",
        "then mean 0 and deviation 1 over all answer tokens of the step (REINFORCE++)");
  v.key("kl_in_reward", job.grpo.kl_in_reward, within(0, 1e6), "",
        "weight of an answer's divergence from the reference, taken off its reward; 0: off");
  v.key("advantage_eps", job.grpo.advantage_eps, within(0, 1), "", "added to that deviation");
  v.key("overlong_filtering", job.grpo.overlong_filtering, kAny, "",
        "samples cut off count in the group, not in the loss");
  v.key("dynamic_sampling", job.grpo.dynamic_sampling, kAny, "",
        "groups of equal rewards are drawn anew until the step is full (DAPO)");
  v.key("batch_multiplier", job.grpo.batch_multiplier, within(1, 1000), "",
        "dynamic sampling: prompts of one round, in prompts_per_step");
  v.key("max_sampling_rounds", job.grpo.max_sampling_rounds, within(1, 1000), "rounds",
        "dynamic sampling: more end the run");
  v.key("keep_surplus", job.grpo.keep_surplus, kAny, "",
        "dynamic sampling: groups beyond the step wait for the next one; false: they are thrown away");

  v.table("loss", "the policy loss");
  v.key("policy", job.loss.policy, kAny, "",
        "clip: the ratio is clipped (PPO, GRPO); cispo: the clipped ratio is a constant weight of the log-probability");
  v.key("clip_low", job.loss.clip_low, within(0, 1), "", "the ratio is clipped below 1 - clip_low");
  v.key("clip_high", job.loss.clip_high, within(0, 1000), "", "the ratio is clipped above 1 + clip_high");
  v.key("dual_clip", job.loss.dual_clip, within(0, 1e6), "",
        "bound of the loss where the advantage is negative, above 1; 0: off");
  v.key("ratio", job.loss.ratio, kAny, "", "of each token, or the geometric mean of its sample (GSPO)");
  v.key("reduction", job.loss.reduction, kAny, "",
        "mean over all tokens; over samples of their means; or the sum over samples x constant_tokens (Dr.GRPO)");
  v.key(
      "constant_tokens", job.loss.constant_tokens, kCountOrZero, "tokens",
      "reduction \"constant\": by which the sum over a sample is divided; 0: the longest answer that sampling allows");
  v.key("entropy_weight", job.loss.entropy_weight, within(0, 1e6), "",
        "of the entropy of the policy, which the loss rewards; 0: off");
  v.key("kl_weight", job.loss.kl_weight, within(0, 1e6), "",
        "of the divergence from the reference; 0: it is not loaded");
  v.key("kl_kind", job.loss.kl_kind, kAny, "", "the estimator of the divergence");
  v.key("kl_input_clamp", job.loss.kl_input_clamp, within(0, 1e6), "nats", "bound of the log-probability difference");
  v.key("kl_output_clamp", job.loss.kl_output_clamp, within(0, 1e6), "nats", "bound of the estimate");
  v.key(
      "correction", job.loss.correction, kAny, "",
      "importance of trainer against generator: as it is, clamped to its bounds, dropped outside, or the whole sample "
      "dropped whose geometric mean is outside");
  v.key("correction_level", job.loss.correction_level, kAny, "",
        "importance of each token, of the whole sample (their product), or their geometric mean");
  v.key("correction_max", job.loss.correction_max, within(0, 1e6), "", "upper bound of the importance");
  v.key("correction_min", job.loss.correction_min, within(0, 1e6), "", "lower bound of the importance");
  v.key("force_on_policy", job.loss.force_on_policy, kAny, "", "ratio 1 by definition; one update a step");

  v.table("sampling", "how tokens are drawn");
  v.key("temperature", job.sampling.temperature, within(0, 100), "", "divides the logits");
  v.key("top_p", job.sampling.top_p, within(0, 1), "", "smallest set of tokens with this probability; 1: off");
  v.key("top_k", job.sampling.top_k, kCountOrZero, "tokens", "most probable tokens kept; 0: off");
  v.key("max_new_tokens", job.sampling.max_new_tokens, kCountOrZero, "tokens",
        "of an answer; 0: what max_sequence_tokens leaves");
  v.key("stop", job.sampling.stop, kAny, "", "tokens by their text; empty: the model's end tokens");
  v.key("lengths", job.sampling.lengths, kAny, "tokens",
        "synthetic run: answers of forced lengths, \"fixed:N\", \"uniform:A-B\" or a file of lines \"TOKENS COUNT\"");

  v.table("warmup", "a supervised start before step 1");
  v.key("sft_steps", job.warmup.sft_steps, kCountOrZero, "updates", "at most so many; 0: off");
  v.key("stop_at_reward", job.warmup.stop_at_reward, within(0, 1), "",
        "sampled pass@1 at which it stops; 0: never early");
  v.key("batch", job.warmup.batch, within(1, 1e6), "rows", "of one update");
  v.key("lr", job.warmup.lr, within(0, 1), "", "learning rate");
  v.key("check_every", job.warmup.check_every, kCount, "updates", "between two looks at the reward");
  v.key("check_prompts", job.warmup.check_prompts, within(1, 1e6), "prompts", "of one look");

  v.table("data", "prompts and gold answers");
  v.key("path", job.data.path, kAny, "",
        "JSON lines (also gzip, zstd) or Parquet: a file, a folder of shards or a pattern; or builtin:sums, "
        "builtin:reverse-digits");
  v.key("schema", job.data.schema, one_of(data_schemas()), "", "names the fields of a known data set");
  v.key("prompt_field", job.data.prompt_field, kAny, "",
        "the field that {prompt} means, \"question\" or \"prompt.0.content\"; empty: as the schema says");
  v.key("answer_field", job.data.answer_field, kAny, "", "the field that {answer} means");
  v.list(
      "sources", job.data.sources, [](auto& below, auto& source) { describe_data_source(below, source); },
      "instead of path, several: [[data.sources]]");
  v.key("prompt", job.data.prompt, kAny, "", "template over the fields of a row");
  v.key("answer", job.data.answer, kAny, "", "template of the gold answer");
  v.key("chat_template", job.data.chat_template, one_of({"", "model", "chatml"}), "",
        "the prompt becomes a user's turn of the model's own chat template, or of ChatML; empty: it stands as it is");
  v.key("system", job.data.system, kAny, "", "a system turn before it");
  v.key("thinking", job.data.thinking, kAny, "", "enable_thinking of the chat template; automatic: not given");
  v.key("messages_field", job.data.messages_field, kAny, "",
        "a list of chat turns {role, content} of the row, given to the chat template instead of prompt and system");
  v.key("template_date", job.data.template_date, kAny, "",
        "YYYY-MM-DD: the date that a chat template may ask for; empty: a template that asks is refused");
  v.key("columns", job.data.columns, kAny, "",
        "of a Parquet file, kept beyond those that the templates name; [\"*\"]: all");
  v.key("max_prompt_tokens", job.data.max_prompt_tokens, kCountOrZero, "tokens", "0: max_sequence_tokens - 1");
  v.key("max_refused_share", job.data.max_refused_share, within(0, 1), "", "of rows that may be broken or too long");
  v.key("shuffle", job.data.shuffle, kAny, "", "by seed and epoch");
  v.key("held_out", job.data.held_out, kCountOrZero, "prompts", "kept for validation, never trained on");
  v.key("held_out_share", job.data.held_out_share, within(0, 0.9), "", "or this share of all prompts");
  v.key("deduplicate", job.data.deduplicate, kAny, "",
        "of rows with equal prompts the first is kept; automatic: on for schemas that are known to repeat rows");

  v.table("validate", "looks at rows held out");
  v.key("every", job.validate.every, kCountOrZero, "steps", "between two looks, and one after the last step; 0: never");
  v.key("at_start", job.validate.at_start, kAny, "", "one look before step 1 too");
  v.key("prompts", job.validate.prompts, within(1, 1e6), "prompts", "of one look, at most");
  v.key("samples_per_prompt", job.validate.samples_per_prompt, within(1, 1e4), "samples", "k of mean@k and maj@k");
  v.key("temperature", job.validate.temperature, within(-1, 100), "", "0: greedy; -1: sampling.temperature");

  v.table("reward", "the score of an answer");
  v.key("kind", job.reward.kind, one_of(reward_kinds()), "",
        "same text; same mathematical answer; same letter; what pattern finds; what command says; random (synthetic)");
  v.key("pattern", job.reward.pattern, kAny, "",
        "regex (PCRE2): the first group of its last match is compared with the gold answer");
  v.key("command", job.reward.command, kAny, "",
        "program and arguments that grade JSON lines; words that begin with ./ or ../ are relative to the job file");
  v.list(
      "parts", job.reward.parts, [](auto& below, auto& part) { describe_reward_part(below, part); },
      "instead of kind, several: [[reward.parts]]");
  v.key("answer", job.reward.answer, kAny, "",
        "what is graded: what follows the last closed thinking block, within <answer> where there is one; or all");
  v.key("thinking_tags", job.reward.thinking_tags, kAny, "", "names of the tags around thinking, without brackets");
  v.key("skip_special_tokens", job.reward.skip_special_tokens, kAny, "",
        "special tokens are left out of the text that is graded and recorded");
  v.key("precision", job.reward.precision, within(0, 100), "decimals", "to which math rounds a number with a point");
  v.key("source_min", job.reward.source_min, within(-1e9, 1e9), "",
        "with source_max: rewards are clamped to this range and stretched to target_min .. target_max; alike: left as "
        "they are");
  v.key("source_max", job.reward.source_max, within(-1e9, 1e9), "", "and mapped onto target_min .. target_max");
  v.key("target_min", job.reward.target_min, within(-1e9, 1e9), "", "what source_min becomes");
  v.key("target_max", job.reward.target_max, within(-1e9, 1e9), "", "what source_max becomes");
  v.key("overlong_buffer", job.reward.overlong_buffer, kCountOrZero, "tokens",
        "before overlong_limit in which a penalty grows from 0 to overlong_penalty; 0: none");
  v.key("overlong_penalty", job.reward.overlong_penalty, within(0, 1e6), "", "taken off at overlong_limit");
  v.key("overlong_limit", job.reward.overlong_limit, kCountOrZero, "tokens",
        "of an answer; 0: the most that sampling allows");
  v.key("truncated_factor", job.reward.truncated_factor, within(0, 1), "",
        "of the reward of an answer that was cut off; 1: off");
  v.key("workers", job.reward.workers, within(1, 1024), "processes", "for each rank that scores");
  v.key("timeout_s", job.reward.timeout_s, within(0.001, 1e5), "s", "of one answer");
  v.key("start_timeout_s", job.reward.start_timeout_s, within(0, 1e5), "s",
        "of a command's start, until its first verdict, beyond timeout_s");
  v.key("environment", job.reward.environment, kAny, "",
        "names of variables of your environment that a command gets; their values are in no file");
  v.key("max_memory_gb", job.reward.max_memory_gb, within(0.01, 1e4), "GB", "of one worker");

  v.table("optimizer", "AdamW");
  v.key("lr", job.optimizer.lr, within(0, 1), "", "learning rate");
  v.key("min_lr", job.optimizer.min_lr, within(0, 1), "", "where the schedule ends");
  v.key("beta1", job.optimizer.beta1, within(0, 0.999999), "", "decay of the first moment");
  v.key("beta2", job.optimizer.beta2, within(0, 0.9999999), "", "decay of the second moment");
  v.key("eps", job.optimizer.eps, within(0, 1), "", "added to the root of the second moment");
  v.key("weight_decay", job.optimizer.weight_decay, within(0, 1), "", "decoupled, of matrices");
  v.key("max_grad_norm", job.optimizer.max_grad_norm, within(0, 1e9), "",
        "global norm to which gradients are clipped; 0: off");
  v.key("warmup_steps", job.optimizer.warmup_steps, kCountOrZero, "steps", "of linear growth of the learning rate");
  v.key("warmup_init_lr", job.optimizer.warmup_init_lr, within(0, 1), "",
        "learning rate of step 1; 0: lr / warmup_steps");
  v.key("schedule", job.optimizer.schedule, kAny, "", "of the learning rate after its growth");
  v.key("decay_steps", job.optimizer.decay_steps, kCountOrZero, "steps",
        "until min_lr, warm-up included; 0: grpo.steps");

  v.table("refit", "the way of new weights to the generator");
  v.key("verify", job.refit.verify, kAny, "", "checksums on both sides; automatic: where device is cpu");
  v.key("bucket_mb", job.refit.bucket_mb, within(1, 65536), "MB", "sent in one group");
  v.key("alias", job.refit.alias, kAny, "", "the generator reads the trainer's bytes where both want the same");

  v.table("checkpoint", "what survives");
  v.key("every", job.checkpoint.every, kCountOrZero, "steps", "0: never");
  v.key("keep", job.checkpoint.keep, kCount, "checkpoints", "newest ones kept");
  v.key("model_folder", job.checkpoint.model_folder, kAny, "", "each checkpoint also as a Hugging Face folder");
  v.key("final_model", job.checkpoint.final_model, kAny, "", "the policy as a Hugging Face folder at the end");

  v.table("requeue", "another attempt under Slurm");
  v.key("max", job.requeue.max, within(0, 1000), "attempts", "beyond the first; needs checkpoint.every");
  v.key("margin_s", job.requeue.margin_s, within(0, 1e6), "s",
        "before the time limit at which a checkpoint is written");

  v.table("log", "records");
  v.key("samples", job.log.samples, within(-1, 1e9), "samples", "of a step kept in samples.jsonl; -1: all");
  v.key("every", job.log.every, kCount, "steps", "between two lines on the console");
  v.key("tensor_norms", job.log.tensor_norms, kAny, "", "the gradient's norm of every weight in each step's record");
  v.key("tensorboard", job.log.tensorboard, kAny, "",
        "also write what the records count as event files, in tensorboard/");
  v.key(
      "command", job.log.command, kAny, "",
      "program and arguments that get every record as a JSON line; words that begin with ./ or ../ are relative to the "
      "job file");
  v.key("max_mb", job.log.max_mb, within(1, 1e6), "MB", "of each log file of an attempt; the rest is dropped");

  v.table("watchdog", "when a rank counts as dead");
  v.key("comm_timeout_s", job.watchdog.comm_timeout_s, within(0.1, 1e6), "s", "of one collective");
  v.key("beat_timeout_s", job.watchdog.beat_timeout_s, within(0.1, 1e6), "s", "without a beat: silent");
  v.key("start_timeout_s", job.watchdog.start_timeout_s, within(1, 1e6), "s", "of start and loading");
  v.key("stall_timeout_s", job.watchdog.stall_timeout_s, within(1, 1e6), "s", "beats, but no progress");
  v.key("compare_calls", job.watchdog.compare_calls, kAny, "", "ranks compare each collective before it starts");

  v.table("selftest", "what only `muster selftest` asks for");
  v.key("sabotage", job.selftest.sabotage, kAny, "", "a run that must not learn");
  v.key("start_prompts", job.selftest.start_prompts, kCountOrZero, "prompts",
        "on which the reward is measured before step 1");

  v.table("verb", "what only the verbs of muster-runtime ask for");
  v.key("kind", job.verb.kind, one_of({"steps", "score", "generate", "gradients"}), "", "what the ranks do");
  v.key("input", job.verb.input, kAny, "", "JSON lines of ids and tokens");
  v.key("output", job.verb.output, kAny, "", "what the ranks write");
}

}  // namespace muster::spec

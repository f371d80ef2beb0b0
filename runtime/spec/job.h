// What was asked: one job TOML as plain structs, with the defaults (which stand nowhere else). Shape is checked by the
// reader (job_schema), sense by check_job. Derived values are functions, never stored keys. Units are in the names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::spec {

enum class PlacementMode { colocated, split };
enum class Backend { megatron, dtensor };
enum class DataType { fp32, bf16, fp8 };
enum class Baseline { leave_one_out, mean, none };
enum class LossReduction { token, sequence, constant };
enum class PolicyForm { clip, cispo };  // the clipped ratio itself, or as a constant before the log-probability
enum class KlKind { k1, k2, k3 };
/// Importance of trainer against generator: off, as it is, clamped to its bounds, or dropped outside of them: a weight,
/// or the whole sample whose geometric mean lies there.
enum class Correction { none, plain, truncate, mask, mask_samples };
enum class CorrectionLevel { token, sequence, geometric };  // of each token, the product over a sample, or its mean
enum class RatioLevel { token, sequence };                  // of each token, or the geometric mean of its sample (GSPO)
enum class Schedule { constant, linear, cosine };
enum class Switch { automatic, off, on };
enum class Recompute { none, attention, mlp, full };  // what a layer does not keep for its backward pass
enum class Fp8Scaling { tensor, block, mx };  // one scale a tensor; a 128 x 128 block of weights, 1 x 128 of inputs; 32
enum class Fp8Format { e4m3, hybrid };        // hybrid: gradients in e5m2
enum class AnswerPart { after_thinking, all };        // what of a reply is graded
enum class CacheType { automatic, fp32, bf16, fp8 };  // automatic: model.dtype

struct ModelJob {
  std::string path;              // Hugging Face folder; may begin with ${MUSTER_CACHE}
  std::string name;              // facts in templates/models; when both are given they must agree
  std::string weights = "file";  // "file", or "random" with `initial_std`, from a config alone
  double initial_std = 0.05;
  DataType dtype = DataType::bf16;  // of compute and of the weights that forward passes read
  bool operator==(const ModelJob&) const = default;
};

struct PlacementJob {
  PlacementMode mode = PlacementMode::colocated;
  std::int64_t gen_nodes = 0;       // split: nodes of the generator; 0: as many as its ranks need
  std::int64_t ranks_per_node = 0;  // 0: what the cluster file says
  std::int64_t spares = 0;          // extra nodes
  bool preflight = false;           // every node is looked at before the ranks start
  std::int64_t segment_nodes = 0;   // nodes that must share an NVLink domain; 0: what the groups of the job need
  bool operator==(const PlacementJob&) const = default;
};

struct GenJob {
  std::int64_t tp = 1, pp = 1, dp = 1, ep = 1;
  DataType dtype = DataType::bf16;
  std::int64_t page_tokens = 16;
  Fp8Scaling fp8_scaling = Fp8Scaling::block;
  std::vector<std::string> fp8_skip;  // weights that stay in bf16, by a part of their name
  std::int64_t bf16_first_layers = 0, bf16_last_layers = 0;
  CacheType kv_dtype = CacheType::automatic;
  double kv_gb = 0;         // memory of the cache on each rank; 0: what the plan leaves
  double memory_share = 0;  // of a GPU for the generator's weights and pages together; 0: what the plan leaves
  std::int64_t max_batch_tokens = 8192;  // tokens of one forward pass (prefill chunks and decode together)
  std::int64_t max_running_samples = 256;
  bool cuda_graphs = true;
  std::int64_t draft_tokens = 0;  // guessed ahead by the model's own multi-token head; 0: off
  bool operator==(const GenJob&) const = default;
};

struct TrainJob {
  Backend backend = Backend::megatron;
  std::int64_t tp = 1, cp = 1, ep = 1, pp = 1, vpp = 1, dp = 1;
  std::int64_t etp = 1;            // of each expert, inside its ep group
  bool sequence_parallel = false;  // norms and residuals cut over tp along the tokens
  std::int64_t fsdp = 0;           // 0 or 1; its degree is dp x cp
  std::int64_t gbs = 0;            // samples of one optimizer update; 0: all samples of the step
  std::int64_t mbs = 1;            // rows of grpo.max_sequence_tokens in one packed micro batch
  std::int64_t logprob_mbs = 0;    // rows of one micro batch of the passes without gradient; 0: as mbs
  std::int64_t first_stage_layers = 0, last_stage_layers = 0;
  Recompute recompute = Recompute::none;
  DataType grad_dtype = DataType::fp32;  // in which gradients are kept and summed over dp
  bool overlap_grad_reduce = false, overlap_param_gather = false;
  std::int64_t bucket_params = 40'000'000;  // summed or gathered over dp in one call
  bool fp8 = false;                         // matrix products of the layers; weights stay in model.dtype
  Fp8Scaling fp8_scaling = Fp8Scaling::block;
  Fp8Format fp8_format = Fp8Format::e4m3;
  bool share_prompt =
      true;  // the prompt of a group computed once for all its samples (on CUDA: refused until its form exists)
  std::int64_t logprob_chunk_tokens = 1024;
  bool operator==(const TrainJob&) const = default;
};

struct PackingJob {
  bool enabled = true;
  std::int64_t max_tokens = 0;  // of one micro batch; 0: train.mbs * grpo.max_sequence_tokens
  bool operator==(const PackingJob&) const = default;
};

struct MoeJob {
  std::string dispatcher = "alltoall";
  bool freeze_router = true;
  std::string router_dtype = "fp32";  // of the router's scores
  double bias_update_rate = 0;        // of the experts' bias towards even use, each update; 0: frozen
  bool operator==(const MoeJob&) const = default;
};

struct AsyncJob {
  bool enabled = false;
  std::int64_t max_staleness = 1;  // versions by which generation may run ahead
  bool in_flight_updates = false;
  bool recompute_kv = false;  // pages of running samples are made afresh after such an update
  bool operator==(const AsyncJob&) const = default;
};

struct GrpoJob {
  std::int64_t steps = 100;
  std::int64_t prompts_per_step = 32;
  std::int64_t samples_per_prompt = 16;
  std::int64_t max_sequence_tokens = 4096;  // prompt and answer
  Baseline baseline = Baseline::leave_one_out;
  bool normalize = true;
  bool whiten = false;      // advantages of all tokens of the step get mean 0 and deviation 1 (REINFORCE++)
  double kl_in_reward = 0;  // weight of a sample's divergence from the reference, taken off its reward
  double advantage_eps = 1e-6;
  bool overlong_filtering = false;        // cut-off samples count in the group's statistics, not in the loss
  bool dynamic_sampling = false;          // groups of equal rewards are drawn anew until the step is full (DAPO)
  std::int64_t batch_multiplier = 1;      // dynamic: prompts of one round, in prompts_per_step
  std::int64_t max_sampling_rounds = 10;  // dynamic: more end the run
  bool keep_surplus = true;               // dynamic: groups beyond the step are trained in the next ones
  bool operator==(const GrpoJob&) const = default;
};

struct LossJob {
  PolicyForm policy = PolicyForm::clip;
  double clip_low = 0.2, clip_high = 0.2;
  double dual_clip = 0;  // 0: off; otherwise > 1
  RatioLevel ratio = RatioLevel::token;
  LossReduction reduction = LossReduction::token;
  std::int64_t constant_tokens = 0;  // reduction by a constant: of each sample; 0: the longest answer allowed
  double entropy_weight = 0;         // of the policy's entropy, which the loss rewards
  double kl_weight = 0;              // 0: the reference model is not loaded
  KlKind kl_kind = KlKind::k3;
  double kl_input_clamp = 20, kl_output_clamp = 10;
  Correction correction = Correction::none;
  CorrectionLevel correction_level = CorrectionLevel::token;
  double correction_max = 2, correction_min = 0;
  bool force_on_policy = false;  // ratio 1 by definition: no pass for old log-probabilities; one update a step
  bool operator==(const LossJob&) const = default;
};

struct SamplingJob {
  double temperature = 1;
  double top_p = 1;
  std::int64_t top_k = 0;           // 0: off
  std::int64_t max_new_tokens = 0;  // 0: what max_sequence_tokens leaves
  std::vector<std::string> stop;    // tokens by their text; empty: the model's end tokens
  std::string lengths;              // synthetic runs: forced lengths of the answers (answer_lengths.h); empty: off
  bool operator==(const SamplingJob&) const = default;
};

struct WarmupJob {             // a supervised start before step 1
  std::int64_t sft_steps = 0;  // at most so many; 0: off
  double stop_at_reward = 0;   // sampled pass@1 at which it stops; 0: never early
  std::int64_t batch = 64;
  double lr = 2e-3;
  std::int64_t check_every = 4;
  std::int64_t check_prompts = 512;
  bool operator==(const WarmupJob&) const = default;
};

/// One file of rows, or a built-in task.
struct DataSource {
  std::string path;                        // .jsonl, .parquet, or "builtin:sums", "builtin:reverse-digits"
  std::string schema;                      // names the fields of a known data set; empty: they are as they stand
  std::string prompt_field, answer_field;  // what {prompt} and {answer} of the templates are; empty: as the schema says
  double weight = 0;                       // share of the prompts; 0 (for all sources): as many as they have rows
  bool validate_only = false;              // never trained on
  bool operator==(const DataSource&) const = default;
};

struct DataJob {
  std::string path, schema, prompt_field, answer_field;  // the one source, as in DataSource
  std::vector<DataSource> sources;                       // or several
  std::string prompt = "{prompt}";                       // template over the fields of a row
  std::string answer = "{answer}";                       // template of the gold answer
  std::string chat_template;                             // empty: the prompt stands as it is; or "model", "chatml"
  std::string system;                                    // a turn before the user's; empty: none
  Switch thinking = Switch::automatic;                   // enable_thinking of the chat template; automatic: not given
  std::string messages_field;          // a list of chat turns of the row, instead of prompt and system
  std::string template_date;           // YYYY-MM-DD: today for the chat template; empty: it has no date
  std::vector<std::string> columns;    // of a Parquet file: kept beyond those that the templates name
  std::int64_t max_prompt_tokens = 0;  // 0: max_sequence_tokens - 1
  double max_refused_share = 0.05;
  bool shuffle = true;
  std::int64_t held_out = 0;               // rows kept for validation, never trained on
  double held_out_share = 0;               // or so many of all rows
  Switch deduplicate = Switch::automatic;  // keeps the first of rows with equal prompts; automatic: as the schema says
  bool operator==(const DataJob&) const = default;
};

struct ValidateJob {
  std::int64_t every = 0;  // steps; 0: never
  bool at_start = false;   // also before step 1
  std::int64_t prompts = 64;
  std::int64_t samples_per_prompt = 1;
  double temperature = -1;  // -1: as sampling says
  bool operator==(const ValidateJob&) const = default;
};

/// One of several rewards that add up.
struct RewardPart {
  std::string name;  // in the records; empty: its kind
  std::string kind = "math";
  double weight = 1;
  std::string pattern;               // regex
  std::vector<std::string> command;  // command
  bool operator==(const RewardPart&) const = default;
};

struct RewardJob {
  std::string kind = "math";         // exact, math, choice, regex, command; random in synthetic runs
  std::string pattern;               // regex
  std::vector<std::string> command;  // command: the program and its arguments
  std::vector<RewardPart> parts;     // instead of kind, several
  std::int64_t precision = 6;        // math: decimals
  AnswerPart answer = AnswerPart::after_thinking;
  std::vector<std::string> thinking_tags{"think", "thinking", "thought", "reasoning"};  // by the names of their tags
  bool skip_special_tokens = true;  // they are not in the text that is graded and recorded
  // The sum is clamped to source and mapped onto target; equal ranges change nothing.
  double source_min = 0, source_max = 1, target_min = 0, target_max = 1;
  std::int64_t overlong_buffer = 0;      // tokens before the limit over which the penalty grows; 0: off
  double overlong_penalty = 1;           // at the limit
  std::int64_t overlong_limit = 0;       // tokens of an answer; 0: the longest that sampling allows
  double truncated_factor = 1;           // of the reward of an answer that was cut off; 1: off
  std::int64_t workers = 1;              // processes for each rank that scores
  double timeout_s = 5;                  // of one answer
  double start_timeout_s = 120;          // command: until its first verdict, beyond timeout_s
  std::vector<std::string> environment;  // command: names of variables that the program gets beside the usual ones
  double max_memory_gb = 1;
  bool operator==(const RewardJob&) const = default;
};

struct OptimizerJob {
  double lr = 1e-6;
  double min_lr = 0;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0.01;
  double max_grad_norm = 1;       // 0: no clipping
  std::int64_t warmup_steps = 0;  // GRPO steps
  double warmup_init_lr = 0;      // of step 1; 0: lr / warmup_steps
  Schedule schedule = Schedule::constant;
  std::int64_t decay_steps = 0;  // GRPO steps until min_lr, warm-up included; 0: grpo.steps
  bool operator==(const OptimizerJob&) const = default;
};

struct RefitJob {
  Switch verify = Switch::automatic;  // checksums on both sides; automatic: on where device is cpu
  std::int64_t bucket_mb = 512;
  bool alias = true;  // the generator may read the trainer's bytes where both want the very same
  bool operator==(const RefitJob&) const = default;
};

struct CheckpointJob {
  std::int64_t every = 0;  // steps; 0: never
  std::int64_t keep = 2;
  bool model_folder = false;  // each checkpoint also holds the policy as a Hugging Face folder
  bool final_model = true;    // the policy as a Hugging Face folder at the end
  bool operator==(const CheckpointJob&) const = default;
};

struct RequeueJob {
  std::int64_t max = 0;
  double margin_s = 120;
  bool operator==(const RequeueJob&) const = default;
};

struct LogJob {
  std::int64_t samples = 8;          // samples of a step kept in samples.jsonl; -1: all
  std::int64_t every = 1;            // steps between two lines on the console
  bool tensor_norms = false;         // the gradient's norm of every weight, in each step's record
  bool tensorboard = false;          // event files in the run folder's tensorboard/
  std::vector<std::string> command;  // program and arguments that get every record as a JSON line
  std::int64_t max_mb = 256;         // of each log file of an attempt; what comes after is dropped
  bool operator==(const LogJob&) const = default;
};

/// Only for `muster selftest`: sabotaged runs that must not learn, which shows that the honest one learns for the right
/// reason.
enum class Sabotage { none, zero_advantage, shuffled_advantage, negated_advantage, no_refit };

struct SelftestJob {
  Sabotage sabotage = Sabotage::none;
  std::int64_t start_prompts = 0;  // prompts on which the reward is measured afresh before step 1; 0: not measured
  bool operator==(const SelftestJob&) const = default;
};

/// Only for the verbs of muster-runtime that need ranks: what they do instead of the steps.
struct VerbJob {
  std::string kind = "steps";  // steps, score, generate, gradients
  std::string input, output;   // input: JSON lines {"id", "tokens"}
  bool operator==(const VerbJob&) const = default;
};

struct WatchdogJob {
  double comm_timeout_s = 600;
  double beat_timeout_s = 10;  // no beat for so long: the rank is silent
  double start_timeout_s = 300;
  double stall_timeout_s = 1800;  // beats, but no progress
  bool compare_calls = false;
  bool operator==(const WatchdogJob&) const = default;
};

struct Job {
  std::string name;
  std::string base;  // the job that this one builds on: a path, or a shipped base or job
  std::uint64_t seed = 0;
  std::vector<std::string> rank_wrapper;  // program and arguments put before muster-rank
  bool allow_fallback = false;
  std::int64_t threads = 1;  // of one rank on the CPU

  ModelJob model;
  PlacementJob placement;
  GenJob gen;
  TrainJob train;
  PackingJob packing;
  MoeJob moe;
  AsyncJob async;
  GrpoJob grpo;
  LossJob loss;
  SamplingJob sampling;
  WarmupJob warmup;
  DataJob data;
  ValidateJob validate;
  RewardJob reward;
  OptimizerJob optimizer;
  RefitJob refit;
  CheckpointJob checkpoint;
  RequeueJob requeue;
  LogJob log;
  WatchdogJob watchdog;
  SelftestJob selftest;
  VerbJob verb;
  bool operator==(const Job&) const = default;
};

std::int64_t samples_per_step(const Job& job);
/// Samples of one optimizer update, resolved.
std::int64_t update_samples(const Job& job);
std::int64_t updates_per_step(const Job& job);
/// Tokens of one packed micro batch, resolved.
std::int64_t micro_batch_tokens(const Job& job);
/// Tokens of one micro batch of a pass without gradient, resolved.
std::int64_t logprob_batch_tokens(const Job& job);
/// A packed sequence is padded to a multiple of this: 2 chunks for each cp rank, cut again over tp by sequence
/// parallelism.
std::int64_t sequence_multiple(const Job& job);
std::int64_t max_new_tokens(const Job& job);
/// By which the reduction by a constant divides the sum over a sample, resolved.
std::int64_t constant_tokens(const Job& job);
/// Whether the loss looks at all tokens of a sample together.
bool looks_at_samples(const LossJob& loss);
/// Whether a frozen reference model is held.
bool uses_reference(const Job& job);
/// The rewards of the job, the one or the several, each with its name.
std::vector<RewardPart> reward_parts(const RewardJob& reward);
std::int64_t train_ranks(const Job& job);
std::int64_t gen_ranks(const Job& job);
/// The sources of the job, the one or the several.
std::vector<DataSource> data_sources(const DataJob& data);
/// Are there rows for validation alone?
bool holds_rows_out(const DataJob& data);

}  // namespace muster::spec

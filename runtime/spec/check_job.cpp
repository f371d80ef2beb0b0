// The sense of a job: what spans keys. Each fault has the place, the numbers and the fix.
#include <algorithm>
#include <cctype>

#include "runtime/base/text.h"
#include "runtime/spec/answer_lengths.h"
#include "runtime/spec/check_data.h"
#include "runtime/spec/check_layout.h"
#include "runtime/spec/choices.h"
#include "runtime/spec/parameters.h"
#include "runtime/spec/step_record.h"
#include "runtime/spec/toml_reader.h"

namespace muster::spec {

using base::text;

namespace {

constexpr double kLeastTemperature = 1e-4;

class JobCheck {
 public:
  JobCheck(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
           std::vector<std::string>& warnings)
      : job_(job), facts_(facts), places_(places), faults_(faults), warnings_(warnings) {}

  void check() {
    check_model();
    check_data(job_.data, places_, faults_, warnings_);
    check_precision();
    check_sampling_rounds();
    check_async();
    check_loss();
    check_lengths();
    check_synthetic();
    check_rest();
    check_layout(job_, facts_, places_, faults_, warnings_);
  }

 private:
  void fault(const std::string& key, std::string what, std::string fix) {
    faults_.add({std::move(what), places_.of(key), std::move(fix)});
  }

  void check_model() {
    if (job_.model.path.empty() && job_.model.name.empty())
      fault("model", "the job names no model", "give model.path (a Hugging Face folder) or model.name");
    if (job_.model.weights == "file" && job_.model.path.empty() && !job_.model.name.empty()) {
      warnings_.push_back("model.path is not given: the job can be planned, but not run (model.weights = \"file\")");
    }
    const bool is_name = std::all_of(job_.name.begin(), job_.name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (!is_name || job_.name.starts_with('.') || job_.name.starts_with('-') || job_.name.size() > 100) {
      fault("name", text("name = \"", job_.name, "\""),
            "it names folders: letters, digits, '-', '_' and '.', at most 100, beginning with a letter or digit");
    }
    if (job_.model.dtype == DataType::fp8)
      fault("model.dtype", "model.dtype = \"fp8\"", "weights are trained in bf16 or fp32; gen.dtype may be fp8");
  }

  void check_precision() {
    const GenJob& gen = job_.gen;
    const TrainJob& train = job_.train;
    if (gen.dtype == DataType::fp8 && job_.loss.correction == Correction::none) {
      warnings_.push_back(
          "gen.dtype = \"fp8\" without loss.correction: generator and trainer differ by more than rounding");
    }
    if (gen.cuda_graphs && places_.keys.contains("gen.cuda_graphs"))
      warnings_.push_back("gen.cuda_graphs has no effect yet: decode steps are not captured, and it costs no memory");
    if (train.grad_dtype == DataType::fp8)
      fault("train.grad_dtype", "train.grad_dtype = \"fp8\"", "gradients are kept in bf16 or fp32");
    if (train.fp8 && job_.model.dtype != DataType::bf16)
      fault("train.fp8", text("train.fp8 with model.dtype = \"", choice_name(job_.model.dtype), "\""),
            "set model.dtype = \"bf16\": from it the FP8 operands are made");
    if (gen.dtype != DataType::fp8 && (!gen.fp8_skip.empty() || gen.bf16_first_layers + gen.bf16_last_layers > 0))
      warnings_.push_back(
          text("gen.fp8_skip, bf16_first_layers and bf16_last_layers have no effect with gen.dtype = \"",
               choice_name(gen.dtype), "\""));
    // Scales of the cache are measured by the trainer after each update and travel with the refit.
    if (gen.kv_dtype != CacheType::fp8) return;
    if (train.backend != Backend::megatron || train.pp > 1 || job_.async.enabled)
      fault("gen.kv_dtype",
            text("gen.kv_dtype = \"fp8\" with train.backend = \"", choice_name(train.backend),
                 "\", train.pp = ", train.pp, job_.async.enabled ? " and async" : ""),
            "its scales need the megatron backend, train.pp = 1 and no async; or set gen.kv_dtype = \"automatic\"");
  }

  void check_sampling_rounds() {
    const GrpoJob& grpo = job_.grpo;
    if (grpo.dynamic_sampling && grpo.samples_per_prompt < 2)
      fault("grpo.dynamic_sampling", "grpo.dynamic_sampling with grpo.samples_per_prompt = 1",
            "the rewards of one sample are always equal: take at least 2");
    if (grpo.dynamic_sampling && grpo.keep_surplus && job_.loss.correction == Correction::none)
      warnings_.push_back(
          "grpo.keep_surplus trains on groups of older weights, but loss.correction is \"none\": set it to "
          "\"truncate\", "
          "or grpo.keep_surplus = false");
    if (grpo.dynamic_sampling) return;
    if (job_.grpo.batch_multiplier != 1)
      fault("grpo.batch_multiplier",
            text("grpo.batch_multiplier = ", job_.grpo.batch_multiplier, " without dynamic sampling"),
            "set it to 1, or grpo.dynamic_sampling = true");
  }

  void check_async() {
    if (!job_.async.enabled) {
      if (job_.async.in_flight_updates)
        fault("async.in_flight_updates", "async.in_flight_updates has no effect while async is off",
              "take it out, or set async.enabled = true");
      return;
    }
    if (job_.async.recompute_kv && !job_.async.in_flight_updates)
      warnings_.push_back("async.recompute_kv has no effect without async.in_flight_updates");
    if (job_.async.in_flight_updates && job_.async.max_staleness == 0)
      warnings_.push_back("async.in_flight_updates has no effect with async.max_staleness = 0");
    if (job_.placement.mode != PlacementMode::split)
      fault("async.enabled", "async needs ranks of its own for the generator", "set placement.mode = \"split\"");
    if (job_.loss.correction == Correction::none && job_.async.max_staleness > 0)
      warnings_.push_back(
          "async trains on samples of older weights, but loss.correction is \"none\": ratios to the trainer's weights "
          "do "
          "not correct for them, so set it to \"truncate\" unless the recipe has none");
    if (job_.async.max_staleness > 1 && !job_.async.in_flight_updates)
      warnings_.push_back(text("async.max_staleness = ", job_.async.max_staleness,
                               " without in_flight_updates makes samples older and no step shorter than 1 does"));
  }

  void check_loss() {
    const LossJob& loss = job_.loss;
    if (loss.dual_clip != 0 && loss.dual_clip <= 1)
      fault("loss.dual_clip", text("loss.dual_clip = ", loss.dual_clip), "must be above 1, or 0 for off");
    if (loss.ratio == RatioLevel::sequence && loss.reduction != LossReduction::sequence)
      fault("loss.ratio", text("loss.ratio = \"sequence\" with loss.reduction = \"", choice_name(loss.reduction), "\""),
            "a ratio of whole samples is averaged over samples: set loss.reduction = \"sequence\"");
    if (loss.policy == PolicyForm::cispo && (loss.ratio == RatioLevel::sequence || loss.dual_clip != 0))
      fault("loss.policy",
            text("loss.policy = \"cispo\" with ",
                 loss.dual_clip != 0 ? text("loss.dual_clip = ", loss.dual_clip) : "loss.ratio = \"sequence\""),
            "its weight is the clipped ratio of each token: set loss.ratio = \"token\" and loss.dual_clip = 0");
    if (loss.constant_tokens > 0 && loss.reduction != LossReduction::constant)
      fault("loss.constant_tokens",
            text("loss.constant_tokens has no effect with loss.reduction = \"", choice_name(loss.reduction), "\""),
            "take it out, or set loss.reduction = \"constant\"");
    if (loss.correction_level != CorrectionLevel::token && loss.correction == Correction::none)
      fault("loss.correction_level", "loss.correction_level has no effect with loss.correction = \"none\"",
            "take it out, or set loss.correction");
    if (job_.grpo.baseline == Baseline::none && job_.grpo.normalize)
      fault("grpo.normalize", "grpo.normalize divides by the deviation of a group, but grpo.baseline is \"none\"",
            "set grpo.normalize = false; grpo.whiten = true divides by that of the whole step");
    if (loss.correction_min > loss.correction_max) {
      fault(
          "loss.correction_min",
          text("loss.correction_min = ", loss.correction_min, " is above loss.correction_max = ", loss.correction_max),
          "swap them");
    }
    if (loss.correction != Correction::none && loss.correction_max <= 0)
      fault("loss.correction_max", "loss.correction_max is 0", "no token would count; 2 is usual");
    const SamplingJob& sampling = job_.sampling;
    if (sampling.temperature <= 0 && job_.verb.kind == "steps")
      fault("sampling.temperature", text("sampling.temperature = ", sampling.temperature),
            "all samples of a group would be equal and teach nothing; 1 is usual");
    for (const auto& [key, value] : {std::pair{"sampling.temperature", sampling.temperature},
                                     std::pair{"validate.temperature", job_.validate.temperature}})
      if (value > 0 && value < kLeastTemperature)
        fault(key, text(key, " = ", value, ": logits divided by it are no numbers"),
              text("must be at least ", kLeastTemperature,
                   key == std::string("validate.temperature") ? ", or 0 for greedy answers" : "; 1 is usual"));
    if (job_.validate.temperature < 0 && job_.validate.temperature != -1)
      fault("validate.temperature", text("validate.temperature = ", job_.validate.temperature),
            "must be 0 or more, or -1 for sampling.temperature");
    if (sampling.top_p <= 0)
      fault("sampling.top_p", text("sampling.top_p = ", sampling.top_p), "must be above 0; 1 is off");
    const OptimizerJob& optimizer = job_.optimizer;
    if (optimizer.min_lr > optimizer.lr)
      fault("optimizer.min_lr",
            text("optimizer.min_lr = ", optimizer.min_lr, " is above optimizer.lr = ", optimizer.lr), "lower it");
    if (optimizer.warmup_init_lr > optimizer.lr)
      fault("optimizer.warmup_init_lr",
            text("optimizer.warmup_init_lr = ", optimizer.warmup_init_lr, " is above optimizer.lr = ", optimizer.lr),
            "lower it");
    if (optimizer.warmup_init_lr > 0 && optimizer.warmup_steps == 0)
      warnings_.push_back("optimizer.warmup_init_lr has no effect with optimizer.warmup_steps = 0");
    if (optimizer.decay_steps > 0 && optimizer.schedule == Schedule::constant)
      warnings_.push_back("optimizer.decay_steps has no effect with optimizer.schedule = \"constant\"");
    if (optimizer.decay_steps > 0 && optimizer.decay_steps <= optimizer.warmup_steps)
      fault("optimizer.decay_steps",
            text("optimizer.decay_steps = ", optimizer.decay_steps,
                 " ends within optimizer.warmup_steps = ", optimizer.warmup_steps),
            "it counts from step 1: raise it, or 0 for grpo.steps");
    if (optimizer.min_lr > 0 && optimizer.schedule == Schedule::constant) {
      warnings_.push_back("optimizer.min_lr has no effect with optimizer.schedule = \"constant\"");
    }
  }

  void check_lengths() {
    const std::int64_t most = job_.grpo.max_sequence_tokens;
    if (job_.sampling.max_new_tokens >= most) {
      fault("sampling.max_new_tokens",
            text("sampling.max_new_tokens = ", job_.sampling.max_new_tokens,
                 " leaves no room for a prompt in grpo.max_sequence_tokens = ", most),
            "lower it, or 0 for what the prompt leaves");
    }
    if (job_.data.max_prompt_tokens >= most) {
      fault("data.max_prompt_tokens",
            text("data.max_prompt_tokens = ", job_.data.max_prompt_tokens,
                 " leaves no room for an answer in grpo.max_sequence_tokens = ", most),
            "lower it, or 0");
    }
  }

  /// Forced lengths and random rewards belong together, and nobody takes such a run for one that learns.
  void check_synthetic() {
    const std::vector<RewardPart> parts = reward_parts(job_.reward);
    const bool random =
        std::any_of(parts.begin(), parts.end(), [](const RewardPart& part) { return part.kind == "random"; });
    if (is_synthetic(job_)) {
      try {
        const AnswerLengths lengths = AnswerLengths::parse(job_.sampling.lengths, places_.of("sampling.lengths"));
        if (lengths.longest() > max_new_tokens(job_))
          warnings_.push_back(text("sampling.lengths asks for answers of up to ", lengths.longest(),
                                   " tokens: they are cut off at ", max_new_tokens(job_)));
      } catch (const Error& error) {
        for (const base::Fault& fault : error.faults()) faults_.add(fault);
      }
      if (parts.size() != 1 || !random)
        fault("sampling.lengths", "answers of forced lengths have no meaning that a reward could grade",
              "set reward.kind = \"random\", or take sampling.lengths out");
      if (job_.warmup.sft_steps > 0)
        fault("warmup.sft_steps", "a synthetic run (sampling.lengths) has nothing to start from", "set it to 0");
    } else if (random) {
      fault("reward.kind", "random rewards teach nothing", "they are for synthetic runs: set sampling.lengths");
    }
    if (job_.model.weights != "random" || !job_.model.path.empty()) return;
    if (!is_synthetic(job_))
      fault("model.path", "without a model folder there is no tokenizer",
            "give model.path, or make the run synthetic with sampling.lengths");
    for (const auto& [key, wanted] : {std::pair{"checkpoint.final_model", job_.checkpoint.final_model},
                                      std::pair{"checkpoint.model_folder", job_.checkpoint.model_folder}})
      if (wanted)
        fault(key, text(key, " without model.path"), "a model folder needs the files of another: set it to false");
  }

  void check_reward_part(const RewardPart& part, const std::string& at) {
    if ((part.kind == "regex") != !part.pattern.empty())
      fault(
          at + (part.pattern.empty() ? "kind" : "pattern"),
          part.pattern.empty() ? "the reward kind regex needs a pattern"
                               : text("a pattern has no effect on the reward kind ", part.kind),
          part.pattern.empty() ? "pattern = \"<answer>(.*?)</answer>\", say" : "set kind = \"regex\", or leave it out");
    if ((part.kind == "command") != !part.command.empty())
      fault(at + (part.command.empty() ? "kind" : "command"),
            part.command.empty() ? "the reward kind command needs a program"
                                 : text("a command has no effect on the reward kind ", part.kind),
            part.command.empty() ? "command = [\"python3\", \"./verify.py\"], say"
                                 : "set kind = \"command\", or leave it out");
  }

  void check_reward_environment(const std::vector<RewardPart>& parts) {
    const std::vector<std::string>& names = job_.reward.environment;
    const auto is_program = [](const RewardPart& part) { return part.kind == "command"; };
    if (!names.empty() && std::none_of(parts.begin(), parts.end(), is_program))
      fault("reward.environment", "reward.environment has no effect without a reward of the kind command",
            "only programs of yours get variables");
    for (const std::string& name : names)
      if (name.empty() || name.find_first_of("= \t\n") != std::string::npos)
        fault("reward.environment", text("'", name, "' is no name of a variable"),
              "names alone: [\"OPENAI_API_KEY\"]; the values are taken from your environment");
  }

  void check_reward() {
    const RewardJob& reward = job_.reward;
    const std::vector<RewardPart> parts = reward_parts(reward);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      check_reward_part(parts[i], reward.parts.empty() ? "reward." : text("reward.parts[", i, "]."));
      if (parts[i].name == kShapingName)
        fault(text("reward.parts[", i, "].name"),
              "\"shaping\" is what the records call the effect of an answer's length", "give the reward another name");
      for (std::size_t j = 0; j < i; ++j)
        if (parts[i].name == parts[j].name)
          fault(text("reward.parts[", i, "].name"), text("two rewards are called \"", parts[i].name, "\""),
                "give each a name of its own");
    }
    // A plan holds every key, so what counts is the value.
    const RewardJob usual;
    const auto idle = [&](bool given, const char* key) {
      if (!reward.parts.empty() && given)
        fault(key, text(key, " has no effect beside [[reward.parts]]"), "write it into one of the parts");
    };
    idle(reward.kind != usual.kind, "reward.kind");
    idle(!reward.pattern.empty(), "reward.pattern");
    idle(!reward.command.empty(), "reward.command");
    check_reward_environment(parts);
    if (reward.source_min >= reward.source_max)
      fault("reward.source_max",
            text("reward.source_min = ", reward.source_min, " is not below source_max = ", reward.source_max),
            "the range that rewards are clamped to");
    if (reward.overlong_buffer > 0 && reward.truncated_factor < 1)
      fault("reward.truncated_factor", "reward.overlong_buffer and reward.truncated_factor both shape long answers",
            "set one of them");
    const std::int64_t limit = reward.overlong_limit > 0 ? reward.overlong_limit : max_new_tokens(job_);
    if (reward.overlong_buffer > limit)
      fault("reward.overlong_buffer",
            text("reward.overlong_buffer = ", reward.overlong_buffer, " is more than the limit of ", limit, " tokens"),
            "lower it");
  }

  void check_rest() {
    check_reward();
    // `--set warmup.sft_steps=0` is how a supervised start is left out, whatever else the job says of it.
    if (job_.warmup.stop_at_reward > 0 && job_.warmup.sft_steps == 0)
      warnings_.push_back("warmup.stop_at_reward has no effect with warmup.sft_steps = 0");
    check_validation();
    if (job_.requeue.max > 0 && job_.checkpoint.every == 0)
      fault("requeue.max", text("requeue.max = ", job_.requeue.max, " without checkpoints"),
            "set checkpoint.every, or requeue.max = 0");
    if (job_.optimizer.warmup_steps > job_.grpo.steps)
      warnings_.push_back(
          text("optimizer.warmup_steps = ", job_.optimizer.warmup_steps, " exceeds grpo.steps = ", job_.grpo.steps));
  }

  void check_validation() {
    const ValidateJob& validate = job_.validate;
    if (validate.every == 0 && !validate.at_start) return;
    // Where nothing is trained, all rows may be looked at.
    if (!holds_rows_out(job_.data) && job_.grpo.steps > 0)
      fault("validate.every", "validation is asked for, but no rows are held out",
            text("data.held_out = ", validate.prompts, ", or a source with validate_only = true"));
    if (validate.temperature == 0 && validate.samples_per_prompt > 1)
      fault("validate.samples_per_prompt",
            text("validate.samples_per_prompt = ", validate.samples_per_prompt, " at temperature 0"),
            "greedy answers are all equal: set it to 1, or a temperature above 0");
  }

  const Job& job_;
  const ModelFacts* facts_;
  const KeyPlaces& places_;
  base::Faults& faults_;
  std::vector<std::string>& warnings_;
};

}  // namespace

void check_job(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
               std::vector<std::string>& warnings) {
  JobCheck(job, facts, places, faults, warnings).check();
}

void check_job(const Job& job, const ModelFacts* facts, const std::string& where, base::Faults& faults,
               std::vector<std::string>& warnings) {
  check_job(job, facts, KeyPlaces{.file = where, .keys = {}}, faults, warnings);
}

}  // namespace muster::spec

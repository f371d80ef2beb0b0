// The table of the fields of a step, and what follows from it.
#include "runtime/spec/step_record.h"

#include "runtime/spec/record_visitors.h"

namespace muster::spec {

namespace {

// Every field once: name, value, unit, whether two identical runs agree in it, meaning.
template <class Visitor, class Record>
void describe_step(Visitor& v, Record& r) {
  constexpr bool kSame = true;
  constexpr bool kOwn = false;  // of this run alone: clocks, rates, memory at its peak, attempt
  v.field("step", r.step, "", kSame, "number of the step, from 1");
  v.field("attempt", r.attempt, "", kOwn,
          "attempt that wrote the line, from 0; of a step that was repeated the highest counts");
  v.field("weight_version", r.weight_version, "", kSame,
          "of the generator when the step's samples were drawn: updates of the policy so far");
  v.field("time", r.time, "UTC", kOwn, "wall clock when the step ended");
  v.field("synthetic", r.synthetic, "", kSame, "answers had forced lengths and rewards were random: for speed alone");
  v.field("step_s", r.step_s, "s", kOwn, "from the first token wanted to the weights in the generator");
  v.field("step_to_step_s", r.step_to_step_s, "s", kOwn, "from the end of the step before to the end of this one");
  v.field("phases", r.phases, "s", kOwn,
          "generate_s, reward_s (only the waiting that generation does not hide), logprob_s, train_s, refit_s, log_s, "
          "other_s: they add up to step_s");
  v.field("tokens_per_s_per_gpu", r.tokens_per_s_per_gpu, "tokens/s", kOwn,
          "tokens / step_s / all ranks of the run: the published column");
  v.field("tokens", r.tokens, "tokens", kSame,
          "of all samples of the step, prompt and answer, the prompt counted in each sample");
  v.field("prompt_tokens", r.prompt_tokens, "tokens", kSame, "of them in prompts");
  v.field("answer_tokens", r.answer_tokens, "tokens", kSame, "of them in answers");
  v.field("generate_tokens_per_s_per_gpu", r.generate_tokens_per_s_per_gpu, "tokens/s", kOwn,
          "tokens / generate_s / ranks that generate");
  v.field("train_tokens_per_s_per_gpu", r.train_tokens_per_s_per_gpu, "tokens/s", kOwn,
          "tokens / train_s / ranks that train");
  v.field("mfu", r.mfu, "", kOwn,
          "FLOPs of forward and backward at true lengths / train_s / peak of the ranks that train");
  v.field("reward", r.reward, "", kSame, "mean over the samples that were graded");
  v.field("reward_std", r.reward_std, "", kSame, "standard deviation of it");
  v.field("rewards", r.rewards, "", kSame,
          "mean of each part of the reward by its name, before weights and scale; \"shaping\": what the length added");
  v.field("samples", r.samples, "samples", kSame, "of the step");
  v.field("graded", r.graded, "samples", kSame, "with a reward");
  v.field("timeouts", r.timeouts, "samples", kSame, "whose grading ran out of time; never a silent 0");
  v.field("failed", r.failed, "samples", kSame, "whose grading failed otherwise");
  v.field("refused_rows", r.refused_rows, "rows", kSame, "of the data passed over, too long or broken, in this step");
  v.field("groups_all_wrong", r.groups_all_wrong, "", kSame,
          "share of groups whose samples all have one reward, 0 or less");
  v.field("groups_all_right", r.groups_all_right, "", kSame,
          "share of groups whose samples all have one reward, 1 or more");
  v.field("groups_mixed", r.groups_mixed, "", kSame, "share of groups whose rewards differ: those that teach");
  v.field("mean_answer_tokens", r.mean_answer_tokens, "tokens", kSame, "mean length of an answer");
  v.field("max_answer_tokens", r.max_answer_tokens, "tokens", kSame, "longest answer");
  v.field("truncated", r.truncated, "", kSame, "share of samples cut off at their limit");
  v.field("advantage_mean", r.advantage_mean, "", kSame, "mean advantage over samples");
  v.field("advantage_max", r.advantage_max, "", kSame, "largest advantage");
  v.field("advantage_min", r.advantage_min, "", kSame, "smallest advantage");
  v.field("losses", r.losses, "", kSame, "of each optimizer update");
  v.field("grad_norms", r.grad_norms, "", kSame, "global norm of the gradient before clipping, of each update");
  v.field("tensor_norms", r.tensor_norms, "", kSame,
          "norm of the gradient of every weight, of the last update, before clipping; only with log.tensor_norms");
  v.field("lr", r.lr, "", kSame, "learning rate of the step");
  v.field("kl", r.kl, "nats", kSame,
          "estimated divergence from the reference, mean over answer tokens (of grpo.kl_in_reward where loss.kl_weight "
          "is 0)");
  v.field("kl_penalty", r.kl_penalty, "", kSame, "kl_weight x kl, as it stands in the loss");
  v.field("entropy", r.entropy, "nats", kSame, "of the policy, mean over answer tokens");
  v.field("clip_share", r.clip_share, "", kSame, "share of answer tokens whose ratio was clipped");
  v.field("ratio_mean", r.ratio_mean, "", kSame, "mean ratio of new to old probability");
  v.field("correction_mean", r.correction_mean, "", kSame, "mean importance weight of generator against trainer");
  v.field("logprob_diff_mean", r.logprob_diff_mean, "nats", kSame,
          "mean |generator - trainer| log-probability of answer tokens");
  v.field("logprob_diff_max", r.logprob_diff_max, "nats", kSame, "largest of them; a defect when it grows");
  v.field("prob_error", r.prob_error, "", kSame, "mean of exp |generator - trainer|");
  v.field("gen_kl", r.gen_kl, "nats", kSame, "estimated divergence of trainer from generator");
  v.field("age_mean", r.age_mean, "versions", kSame,
          "updates between the weights that drew the answer tokens and those that began to train on them; 0, as the "
          "six that follow, unless async runs ahead or dynamic sampling kept groups");
  v.field("age_max", r.age_max, "versions", kSame, "largest of them");
  v.field("mixed_share", r.mixed_share, "", kSame,
          "share of answer tokens in samples that weights of several versions drew: those of updates in flight");
  v.field("queue_steps", r.queue_steps, "steps", kSame,
          "whose samples wait for their training when the step ends, or are being drawn for it");
  v.field("queue_bytes", r.queue_bytes, "bytes", kSame,
          "of these samples, on every rank's host; with updates in flight of those that have ended, over all hosts");
  v.field("starved_s", r.starved_s, "s", kOwn, "in which every rank that trains waited for samples");
  v.field("throttled_s", r.throttled_s, "s", kOwn, "in which every rank that generates waited for new weights");
  v.field("dynamic_sampling", r.dynamic_sampling, "groups", kSame,
          "with grpo.dynamic_sampling: rounds of the step, groups drawn, with equal rewards, trained from the surplus, "
          "in the surplus when the step ends, discarded; and reward, the mean over all that was drawn");
  v.field("refit_bytes", r.refit_bytes, "bytes", kSame, "that crossed between ranks in the refit");
  v.field("refit_least_bytes", r.refit_least_bytes, "bytes", kSame, "that had to cross at least");
  v.field("refit_transfer_s", r.refit_transfer_s, "s", kOwn, "of the copies and sends alone");
  v.field("refit_checked_tensors", r.refit_checked_tensors, "tensors", kSame,
          "whose checksum was compared on both sides");
  v.field("memory", r.memory, "bytes", kSame, "by owner, largest over the ranks");
  v.field("memory_predicted", r.memory_predicted, "bytes", kSame, "by owner, as the launcher predicted");
  v.field("phase_memory", r.phase_memory, "bytes", kOwn,
          "what tensors held in each phase when they held most, by owner, largest over the ranks; on the CPU alone");
  v.field("moved_bytes", r.moved_bytes, "bytes", kOwn,
          "that left the device for the host or came back between phases, on the rank with most");
  v.field("move_s", r.move_s, "s", kOwn, "the host's time in these moves, on the rank with most");
  v.field("peak_memory_bytes", r.peak_memory_bytes, "bytes", kOwn,
          "largest resident (cpu) or allocated (cuda) over the ranks so far");
  v.field("slowest_rank", r.slowest_rank, "rank", kOwn, "by phase");
  v.field("calls", r.calls, "", kSame,
          "collectives of the step on the first rank of the role, without those of the start, a checkpoint and a "
          "validation: communicator -> count, bytes");
}

}  // namespace

const std::vector<FieldInfo>& step_fields() {
  static const std::vector<FieldInfo> fields = [] {
    FieldList list;
    const StepRecord record;
    describe_step(list, record);
    return list.fields;
  }();
  return fields;
}

nlohmann::ordered_json to_json(const StepRecord& record) {
  FieldWriter writer;
  describe_step(writer, record);
  return writer.object;
}

std::optional<StepRecord> step_record_of(const nlohmann::ordered_json& line) {
  StepRecord record;
  FieldReader reader(line);
  describe_step(reader, record);
  if (record.step < 1) return std::nullopt;
  return record;
}

}  // namespace muster::spec

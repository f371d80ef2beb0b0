// Old and reference log-probabilities, then the optimizer updates.
#include "runtime/loop/trainer_side.h"

#include <ATen/ATen.h>

#include <cmath>

#include "runtime/loop/advantages.h"
#include "runtime/loop/mini_batch.h"
#include "runtime/loop/sabotage.h"
#include "runtime/ops/on_host.h"

namespace muster::loop {
namespace {

using spec::Phase;

// Sums on the device, read once.
class DeviceSum {
 public:
  void add(const at::Tensor& figures) { sum_ = sum_.defined() ? sum_ + figures : figures; }
  const at::Tensor& sum() const { return sum_; }  // undefined when nothing was added

 private:
  at::Tensor sum_;
};

// Norm of the gradient of every weight; a box that several ranks hold counts on the first of them. collective: role.
std::map<std::string, double> tensor_norms(parallel::Mesh& mesh, const spec::ModelFacts& facts,
                                           const weights::ShardStore& gradients) {
  const std::vector<spec::Parameter> parameters = spec::parameters_of(facts);
  std::vector<double> squares;
  for (const spec::Parameter& parameter : parameters) {
    squares.push_back(0);
    if (!gradients.has(parameter.name) || !spec::holds_first(facts, parameter, mesh.degrees(), mesh.coordinates()))
      continue;
    const double norm = ops::on_host(gradients.view(parameter.name).to(at::kDouble).norm()).item<double>();
    squares.back() = norm * norm;
  }
  at::Tensor sums = at::tensor(squares, at::kDouble).to(gradients.flat().device());
  mesh.role().all_reduce(sums, comm::Reduce::sum, "train.tensor_norms");
  sums = ops::on_host(sums);
  std::map<std::string, double> norms;
  for (std::size_t i = 0; i < squares.size(); ++i) norms[parameters[i].name] = std::sqrt(sums.data_ptr<double>()[i]);
  return norms;
}

// Of each sample of the step its divergence from the reference: the sum over its tokens of generator's minus
// reference's log-probability, an estimate without bias under the policy that drew it. collective: train.dp_cp.
// source: the KL term of the reward in arXiv:2203.02155, equation 2, and in TRL's RLOOTrainer.
std::vector<double> divergences(parallel::Mesh& mesh, const std::vector<MiniBatch>& batches, std::size_t num_samples,
                                at::Device device) {
  std::vector<double> sums(num_samples, 0);
  for (const MiniBatch& mini_batch : batches)
    for (std::size_t s = 0; mesh.coordinates().cp == 0 && s < mini_batch.sequences.size(); ++s)  // all of cp hold it
      for (std::size_t t = 0; t < mini_batch.gen[s].size(); ++t)
        sums[mini_batch.sequences[s].id] +=
            static_cast<double>(mini_batch.gen[s][t]) - static_cast<double>(mini_batch.reference[s][t]);
  at::Tensor all = at::tensor(sums, at::kDouble).to(device);
  mesh.dp_cp().all_reduce(all, comm::Reduce::sum, "train.divergences");  // zeros of the others
  all = ops::on_host(all);
  return {all.const_data_ptr<double>(), all.const_data_ptr<double>() + num_samples};
}

double mean_over_tokens(const std::vector<double>& sums, const Rollout& rollout) {
  double total = 0, tokens = 0;
  for (std::size_t s = 0; s < sums.size(); ++s) {
    total += sums[s];
    tokens += static_cast<double>(rollout.samples[s].sample.tokens.size());
  }
  return tokens > 0 ? total / tokens : 0;
}

}  // namespace

TrainFigures TrainerSide::train(const Rollout& rollout, std::int64_t step) {
  const spec::Job& job = context_.job();
  TrainFigures figures;
  if (!policy_.trains()) return figures;
  parallel::Mesh& mesh = *context_.train;
  // All ranks of a tp group have the same figures, those of cp have parts of an update's and all of a pass without
  // gradient, and the last stage has those of the loss.
  const bool reports = mesh.coordinates().tp == 0 && mesh.coordinates().pp == mesh.degrees().pp - 1;
  const auto progress = [this] { context_.clock->progress(); };

  std::vector<MiniBatch> batches = mini_batches(rollout, std::vector<double>(rollout.samples.size(), 0), job,
                                                mesh.degrees().dp, mesh.coordinates().dp);

  policy_.enter(Phase::logprob);
  // With one update a step the policy that is trained is the policy of old: its log-probabilities come out of the
  // update.
  const bool old_pass = batches.size() > 1 && !job.loss.force_on_policy;
  for (MiniBatch& mini_batch : batches) {
    if (old_pass) {
      train::SequenceLogprobs scores = policy_.trainer().logprobs(mini_batch.sequences, progress);
      for (std::size_t s = 0; reports && mesh.coordinates().cp == 0 && s < mini_batch.gen.size(); ++s)
        add_differences(figures.sums, mini_batch.gen[s].data(), scores.logprobs[s].data(), scores.entropy[s].data(),
                        mini_batch.gen[s].size());
      mini_batch.old = std::move(scores.logprobs);
    }
    if (spec::uses_reference(job)) mini_batch.reference = policy_.reference_scores(mini_batch.sequences).logprobs;
  }
  std::vector<double> penalties;
  if (job.grpo.kl_in_reward > 0) {
    penalties = divergences(mesh, batches, rollout.samples.size(), context_.device);
    figures.reward_kl = mean_over_tokens(penalties, rollout);
    for (double& penalty : penalties) penalty *= job.grpo.kl_in_reward;
  }
  const std::vector<double> advantage_of = sabotaged(advantages(rollout, job.grpo, penalties), job, step);
  add_advantages(figures, advantage_of);
  for (MiniBatch& mini_batch : batches)
    for (std::size_t s = 0; s < mini_batch.sequences.size(); ++s)
      mini_batch.advantages[s] = advantage_of[mini_batch.sequences[s].id];

  policy_.enter(Phase::train);
  figures.lr = train::learning_rate(job.optimizer, step - 1, job.grpo.steps);
  for (const MiniBatch& mini_batch : batches) {
    DeviceSum parts_sum;
    const auto loss = [&](const parallel::TokenLogprobs& scores, const train::PackedBatch& batch) {
      const grpo::TokenInputs inputs = token_inputs(mini_batch, batch, scores, job.loss);
      const grpo::LossParts parts = grpo::policy_loss(inputs, job.loss);
      if (reports && !old_pass) add_differences(figures.sums, inputs, scores);
      if (reports) parts_sum.add(parts.figures_4);
      return parts.loss;
    };
    const train::UpdateFigures update = policy_.trainer().update(mini_batch.sequences, loss, figures.lr, progress);
    if (parts_sum.sum().defined())
      add_loss_figures(figures.sums, grpo::on_host(parts_sum.sum() / mini_batch.total_weight));
    figures.losses.push_back(update.loss);
    figures.grad_norms.push_back(update.grad_norm);
  }

  if (job.log.tensor_norms)
    figures.tensor_norms = tensor_norms(mesh, context_.plan.model, policy_.trainer().gradients());
  figures.kl_weight = job.loss.kl_weight;
  figures.sums = summed(mesh, figures.sums, context_.device);
  return figures;
}

}  // namespace muster::loop

// The training half of a step: old and reference log-probabilities, then the optimizer updates.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "runtime/grpo/grpo.h"
#include "runtime/loop/mini_batch.h"
#include "runtime/loop/step.h"
#include "runtime/ops/on_host.h"

namespace muster::loop {
namespace {

using spec::Phase;

// The differences of generator and trainer over `count` tokens.
void add_differences(TokenSums& sums, const float* gen, const float* trainer, const float* entropy, std::size_t count) {
  for (std::size_t t = 0; t < count; ++t) {
    const double d = static_cast<double>(trainer[t]) - gen[t];
    sums.tokens += 1;
    sums.abs_diff += std::abs(d);
    sums.prob_error += std::exp(std::abs(d));
    sums.gen_kl += std::expm1(d) - d;  // k3 of generator against trainer
    sums.entropy += entropy[t];
    sums.max_diff = std::max(sums.max_diff, std::abs(d));
  }
}

void add_differences(TokenSums& sums, const grpo::TokenInputs& inputs, const parallel::TokenLogprobs& scores) {
  const auto on_host = [](const at::Tensor& tensor) { return ops::on_host(tensor.detach()).contiguous(); };
  const at::Tensor gen = on_host(inputs.gen_logprobs_N), trainer = on_host(scores.logprobs_N),
                   entropy = on_host(scores.entropy_N);
  add_differences(sums, gen.data_ptr<float>(), trainer.data_ptr<float>(), entropy.data_ptr<float>(),
                  static_cast<std::size_t>(gen.numel()));
}

void add_figures(TokenSums& sums, const grpo::LossFigures& figures) {
  sums.kl += figures.kl;
  sums.clip_share += figures.clip_share;
  sums.ratio += figures.ratio_mean;
  sums.correction += figures.correction_mean;
}

// Sums on the device, read once.
class DeviceSum {
 public:
  void add(const at::Tensor& figures) { sum_ = sum_.defined() ? sum_ + figures : figures; }
  const at::Tensor& sum() const { return sum_; }  // undefined when nothing was added

 private:
  at::Tensor sum_;
};

// collective: role.
TokenSums summed(parallel::Mesh& mesh, const TokenSums& own, at::Device device) {
  at::Tensor added = at::tensor({own.tokens, own.abs_diff, own.prob_error, own.gen_kl, own.entropy, own.kl,
                                 own.clip_share, own.ratio, own.correction},
                                at::kDouble)
                         .to(device);
  at::Tensor largest = at::tensor({own.max_diff}, at::kDouble).to(device);
  mesh.role().all_reduce(added, comm::Reduce::sum, "figures");
  mesh.role().all_reduce(largest, comm::Reduce::max, "figures");
  added = ops::on_host(added);
  const double* a = added.data_ptr<double>();
  return {.tokens = a[0],
          .abs_diff = a[1],
          .prob_error = a[2],
          .gen_kl = a[3],
          .entropy = a[4],
          .kl = a[5],
          .clip_share = a[6],
          .ratio = a[7],
          .correction = a[8],
          .max_diff = ops::on_host(largest).item<double>()};
}

void add_advantages(TrainFigures& figures, const std::vector<double>& advantages) {
  for (const double advantage : advantages)
    figures.advantage_mean += advantage / static_cast<double>(advantages.size());
  figures.advantage_max = *std::max_element(advantages.begin(), advantages.end());
  figures.advantage_min = *std::min_element(advantages.begin(), advantages.end());
}

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

}  // namespace

TrainFigures Step::train(const Rollout& rollout, std::int64_t step) {
  PhaseClock& clock = *context_.clock;
  const spec::Job& job = context_.job();
  TrainFigures figures;
  if (!policy_.trains()) return figures;
  parallel::Mesh& mesh = *context_.train;
  // All ranks of a tp group have the same figures, those of cp have parts of an update's and all of a pass without
  // gradient, and the last stage has those of the loss.
  const bool speaks = mesh.coordinates().tp == 0 && mesh.coordinates().pp == mesh.degrees().pp - 1;
  const auto progress = [&clock] { clock.progress(); };

  const std::vector<double> advantage_of = advantages(rollout, step);
  add_advantages(figures, advantage_of);
  std::vector<MiniBatch> batches = mini_batches(rollout, advantage_of, job, mesh.degrees().dp, mesh.coordinates().dp);

  clock.enter(Phase::logprob);
  policy_.make_resident(Phase::logprob);
  // With one update a step the policy that is trained is the policy of old: its log-probabilities come out of the
  // update.
  const bool old_pass = batches.size() > 1 && !job.loss.force_on_policy;
  for (MiniBatch& mini_batch : batches) {
    if (old_pass) {
      train::SequenceLogprobs scores = policy_.trainer().logprobs(mini_batch.sequences, progress);
      for (std::size_t s = 0; speaks && mesh.coordinates().cp == 0 && s < mini_batch.gen.size(); ++s)
        add_differences(figures.sums, mini_batch.gen[s].data(), scores.logprobs[s].data(), scores.entropy[s].data(),
                        mini_batch.gen[s].size());
      mini_batch.old = std::move(scores.logprobs);
    }
    if (job.loss.kl_weight > 0) mini_batch.reference = policy_.reference_scores(mini_batch.sequences).logprobs;
  }

  clock.enter(Phase::train);
  policy_.make_resident(Phase::train);
  figures.lr = train::learning_rate(job.optimizer, step - 1, job.grpo.steps);
  for (const MiniBatch& mini_batch : batches) {
    DeviceSum parts_sum;
    const auto loss = [&](const parallel::TokenLogprobs& scores, const train::PackedBatch& batch) {
      const grpo::TokenInputs inputs = token_inputs(mini_batch, batch, scores, job.loss.ratio);
      const grpo::LossParts parts = grpo::policy_loss(inputs, job.loss);
      if (speaks && !old_pass) add_differences(figures.sums, inputs, scores);
      if (speaks) parts_sum.add(parts.figures_4);
      return parts.loss;
    };
    const train::UpdateFigures update = policy_.trainer().update(mini_batch.sequences, loss, figures.lr, progress);
    if (parts_sum.sum().defined()) add_figures(figures.sums, grpo::on_host(parts_sum.sum()));
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

// Sums over tokens, over the ranks of the trainer, and as fields of the record.
#include "runtime/loop/train_figures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "runtime/ops/on_host.h"

namespace muster::loop {

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

void add_loss_figures(TokenSums& sums, const grpo::LossFigures& figures) {
  sums.kl += figures.kl;
  sums.clip_share += figures.clip_share;
  sums.ratio += figures.ratio_mean;
  sums.correction += figures.correction_mean;
}

void add_advantages(TrainFigures& figures, const std::vector<double>& advantages) {
  for (const double advantage : advantages)
    figures.advantage_mean += advantage / static_cast<double>(advantages.size());
  figures.advantage_max = *std::max_element(advantages.begin(), advantages.end());
  figures.advantage_min = *std::min_element(advantages.begin(), advantages.end());
}

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

void add_train_figures(spec::StepRecord& record, const TrainFigures& figures) {
  const TokenSums& sums = figures.sums;
  const double tokens = std::max(1.0, sums.tokens);
  const double updates = std::max<double>(1, static_cast<double>(figures.losses.size()));
  record.losses = figures.losses;
  record.grad_norms = figures.grad_norms;
  record.lr = figures.lr;
  record.advantage_mean = figures.advantage_mean;
  record.advantage_max = figures.advantage_max;
  record.advantage_min = figures.advantage_min;
  record.tensor_norms = figures.tensor_norms;
  record.logprob_diff_mean = sums.abs_diff / tokens;
  record.logprob_diff_max = sums.max_diff;
  record.prob_error = sums.prob_error / tokens;
  record.gen_kl = sums.gen_kl / tokens;
  record.entropy = sums.entropy / tokens;
  record.kl = figures.kl_weight > 0 ? sums.kl / updates : figures.reward_kl;
  record.kl_penalty = figures.kl_weight * record.kl;
  record.clip_share = sums.clip_share / updates;
  record.ratio_mean = sums.ratio / updates;
  record.correction_mean = sums.correction / updates;
}

}  // namespace muster::loop

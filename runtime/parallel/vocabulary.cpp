// Chunked, vocabulary-parallel log-probabilities. Letters: N scored tokens, D width, V rows of the vocabulary on this
// rank (cut over tp), C tokens of a chunk. Logits are float32 and live for one chunk; the last chunk's are kept for the
// backward, which starts with it and needs that much memory anyway: a batch of one chunk computes its logits once.
#include "runtime/parallel/vocabulary.h"
#include "runtime/ops/flops.h"
#include "runtime/ops/memory_tracking.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/comm/communicator.h"
#include "runtime/ops/layers.h"
#include "runtime/ops/score_rows.h"

namespace muster::parallel {

at::Tensor logits_of(const at::Tensor& hidden_ND, const at::Tensor& head_VD) {
  const ops::Owner owner(spec::MemoryOwner::logits);
  ops::count_product(hidden_ND.size(0), hidden_ND.size(1), head_VD.size(0));
  if (hidden_ND.scalar_type() == at::kFloat || hidden_ND.scalar_type() == at::kDouble)
    return at::mm(hidden_ND, head_VD.t());
  if (hidden_ND.is_meta())
    return at::empty({hidden_ND.size(0), head_VD.size(0)}, hidden_ND.options().dtype(at::kFloat));
  if (hidden_ND.is_cuda()) return at::mm(hidden_ND, head_VD.t(), at::kFloat);
  return at::mm(hidden_ND.to(at::kFloat), head_VD.to(at::kFloat).t());
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Request {
  comm::Communicator* tp;
  ops::Param head_VD;
  std::int64_t first_row;  // of the global vocabulary
  double scale;            // 1 / temperature
  std::int64_t chunk_tokens;
};

struct Computed {
  at::Tensor logprobs_N, entropy_N, lse_N;
  at::Tensor last_logits_CV;
};

Computed compute(const Request& request, const at::Tensor& hidden_ND, const at::Tensor& targets_N, bool keep_last) {
  const std::int64_t N = hidden_ND.size(0);
  Computed computed;
  std::vector<ops::RowFigures> parts;
  for (std::int64_t begin = 0; begin < N; begin += request.chunk_tokens) {
    const std::int64_t count = std::min(request.chunk_tokens, N - begin);
    const at::Tensor logits_CV = logits_of(hidden_ND.narrow(0, begin, count), request.head_VD.value);
    parts.push_back(ops::score_rows_kernels().for_device_of(logits_CV)(
        logits_CV, targets_N.narrow(0, begin, count) - request.first_row, request.scale));
    if (keep_last && begin + count == N) computed.last_logits_CV = logits_CV;
  }
  const auto joined = [&](at::Tensor ops::RowFigures::*field) {
    if (parts.empty()) return at::empty({0}, hidden_ND.options().dtype(at::kFloat));
    if (parts.size() == 1) return parts[0].*field;
    std::vector<at::Tensor> pieces;
    for (const ops::RowFigures& part : parts) pieces.push_back(part.*field);
    return at::cat(pieces);
  };
  const at::Tensor own_maxima_N = joined(&ops::RowFigures::maxima_N), own_sums_N = joined(&ops::RowFigures::sums_N),
                   own_moments_N = joined(&ops::RowFigures::weighted_N);
  at::Tensor maxima_N = request.tp->size() == 1 ? own_maxima_N : own_maxima_N.clone();
  request.tp->all_reduce(maxima_N, comm::Reduce::max, "scores.maxima");
  const at::Tensor below_N = own_maxima_N - maxima_N, factor_N = below_N.exp();
  at::Tensor sums_3N = at::stack(
      {own_sums_N * factor_N, factor_N * (own_moments_N + own_sums_N * below_N), joined(&ops::RowFigures::targets_N)});
  request.tp->all_reduce(sums_3N, comm::Reduce::sum, "scores.sums");
  const at::Tensor log_sums_N = sums_3N[0].log();
  computed.lse_N = maxima_N + log_sums_N;
  computed.logprobs_N = sums_3N[2] - computed.lse_N;
  computed.entropy_N = log_sums_N - sums_3N[1] / sums_3N[0];
  return computed;
}

struct Scores : torch::autograd::Function<Scores> {
  static variable_list forward(AutogradContext* context, const at::Tensor& hidden_ND, const at::Tensor& targets_N,
                               const Request& request) {
    const Computed computed = compute(request, hidden_ND, targets_N, true);
    context->save_for_backward({hidden_ND, targets_N, computed.lse_N, request.head_VD.value});
    context->saved_data["entropy"] = computed.entropy_N.detach();
    context->saved_data["grad"] = request.head_VD.grad;
    context->saved_data["last_logits"] = computed.last_logits_CV;
    context->saved_data["tp"] = reinterpret_cast<std::int64_t>(request.tp);
    context->saved_data["first_row"] = request.first_row;
    context->saved_data["scale"] = request.scale;
    context->saved_data["chunk_tokens"] = request.chunk_tokens;
    context->set_materialize_grads(false);  // a loss that does not look at the entropy gives it no gradient
    return {computed.logprobs_N, computed.entropy_N};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &hidden_ND = saved[0], &targets_N = saved[1], &lse_N = saved[2], &head_VD = saved[3],
                     entropy_N = context->saved_data["entropy"].toTensor();
    const at::Tensor dlogprobs_N = gradients[0].defined() ? gradients[0].contiguous() : at::zeros_like(lse_N),
                     dentropy_N = gradients[1].defined() ? gradients[1].contiguous() : at::Tensor();
    at::Tensor grad_VD = context->saved_data["grad"].toTensor(),
               kept_CV = context->saved_data["last_logits"].toTensor();
    context->saved_data["last_logits"] = at::Tensor();  // overwritten below: a second backward computes it again
    const std::int64_t N = hidden_ND.size(0), chunk = context->saved_data["chunk_tokens"].toInt(),
                       first_row = context->saved_data["first_row"].toInt();
    const double scale = context->saved_data["scale"].toDouble();
    at::Tensor dhidden_ND = at::empty_like(hidden_ND);
    for (std::int64_t begin = (N - 1) / chunk * chunk; begin >= 0; begin -= chunk) {
      const std::int64_t count = std::min(chunk, N - begin);
      const at::Tensor hidden_CD = hidden_ND.narrow(0, begin, count);
      at::Tensor slopes_CV = kept_CV.defined() ? std::exchange(kept_CV, at::Tensor()) : logits_of(hidden_CD, head_VD);
      ops::RowGradients of_rows{.dlogprobs_N = dlogprobs_N.narrow(0, begin, count)};
      if (dentropy_N.defined()) {
        of_rows.dentropy_N = dentropy_N.narrow(0, begin, count);
        of_rows.entropy_N = entropy_N.narrow(0, begin, count);
      }
      ops::score_rows_backward_kernels().for_device_of(slopes_CV)(
          slopes_CV, targets_N.narrow(0, begin, count) - first_row, lse_N.narrow(0, begin, count), of_rows, scale);
      {
        const ops::Owner owner(spec::MemoryOwner::logits);
        slopes_CV = slopes_CV.to(hidden_ND.scalar_type());
      }
      at::Tensor dhidden_CD = dhidden_ND.narrow(0, begin, count);
      ops::count_product(count, slopes_CV.size(1), head_VD.size(1));
      at::mm_out(dhidden_CD, slopes_CV, head_VD);
      if (grad_VD.defined()) ops::add_product(grad_VD, slopes_CV.t(), hidden_CD);
    }
    reinterpret_cast<comm::Communicator*>(context->saved_data["tp"].toInt())
        ->all_reduce(dhidden_ND, comm::Reduce::sum, "scores.hidden_gradient");
    return {dhidden_ND, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

TokenLogprobs token_logprobs(comm::Communicator& tp, const at::Tensor& hidden_ND, const ops::Param& head_VD,
                             const spec::Range& vocabulary, const at::Tensor& targets_N, double temperature,
                             std::int64_t chunk_tokens) {
  INVARIANT(hidden_ND.dim() == 2 && targets_N.dim() == 1 && targets_N.size(0) == hidden_ND.size(0),
            "each hidden row has a target");
  INVARIANT(head_VD.value.size(0) == vocabulary.size() && head_VD.value.size(1) == hidden_ND.size(1),
            "the head holds this rank's rows");
  INVARIANT(temperature > 0 && chunk_tokens > 0, "temperature and chunk are positive");
  const Request request{&tp, head_VD, vocabulary.begin, 1.0 / temperature, chunk_tokens};
  if (!at::GradMode::is_enabled() || !hidden_ND.requires_grad()) {
    Computed computed = compute(request, hidden_ND, targets_N, false);
    return {computed.logprobs_N, computed.entropy_N};
  }
  const variable_list both = Scores::apply(hidden_ND, targets_N, request);
  return {both[0], both[1]};
}

}  // namespace muster::parallel

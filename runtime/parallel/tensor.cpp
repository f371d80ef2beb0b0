// The collectives of tensor parallelism in pairs: what is an identity forwards is a sum backwards, what is gathered is
// scattered, and the other way round.
#include "runtime/parallel/tensor.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/comm/communicator.h"
#include "runtime/ops/layers.h"
#include "runtime/spec/layout.h"

namespace muster::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool wants_gradient(const at::Tensor& x) { return at::GradMode::is_enabled() && x.requires_grad(); }

void keep(AutogradContext* context, comm::Communicator* tp) {
  context->saved_data["tp"] = reinterpret_cast<std::int64_t>(tp);
}
comm::Communicator& kept(AutogradContext* context) {
  return *reinterpret_cast<comm::Communicator*>(context->saved_data["tp"].toInt());
}

/// A sum over tp in memory of its own: the input may be shared with others.
at::Tensor summed(comm::Communicator& tp, const at::Tensor& x, std::string_view label) {
  at::Tensor sum = x.is_contiguous() ? x.clone() : x.contiguous();
  tp.all_reduce(sum, comm::Reduce::sum, label);
  return sum;
}

/// The rows of all ranks.
at::Tensor gathered(comm::Communicator& tp, const at::Tensor& own_TD, std::string_view label) {
  at::Tensor all_TD = at::empty({own_TD.size(0) * tp.size(), own_TD.size(1)}, own_TD.options());
  tp.all_gather(all_TD, own_TD.contiguous(), label);
  return all_TD;
}

/// This rank's rows of the sum.
at::Tensor scattered(comm::Communicator& tp, const at::Tensor& all_TD, std::string_view label) {
  INVARIANT(all_TD.size(0) % tp.size() == 0, "tokens are cut into equal parts");
  at::Tensor own_TD = at::empty({all_TD.size(0) / tp.size(), all_TD.size(1)}, all_TD.options());
  tp.reduce_scatter(own_TD, all_TD.contiguous(), comm::Reduce::sum, label);
  return own_TD;
}

struct EnterColumns : torch::autograd::Function<EnterColumns> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_TD, comm::Communicator* tp) {
    keep(context, tp);
    return x_TD.view(x_TD.sizes());
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {summed(kept(context), gradients[0], "tp.enter_columns"), at::Tensor()};
  }
};

struct SumRows : torch::autograd::Function<SumRows> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& partial_TD, comm::Communicator* tp,
                            std::string_view label) {
    return summed(*tp, partial_TD, label);
  }
  static variable_list backward(AutogradContext*, const variable_list& gradients) {
    return {gradients[0], at::Tensor(), at::Tensor()};
  }
};

struct ScatterRows : torch::autograd::Function<ScatterRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& partial_TD, comm::Communicator* tp,
                            std::string_view label) {
    keep(context, tp);
    return scattered(*tp, partial_TD, label);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {gathered(kept(context), gradients[0], "tp.scatter_rows"), at::Tensor(), at::Tensor()};
  }
};

struct GatheredLinear : torch::autograd::Function<GatheredLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& own_TD, const ops::Param& weight_OD,
                            const ops::Param& bias_O, comm::Communicator* tp) {
    keep(context, tp);
    context->save_for_backward({own_TD, weight_OD.value});
    context->saved_data["grad"] = weight_OD.grad;
    context->saved_data["grad_bias"] = bias_O.grad;
    return ops::linear(gathered(*tp, own_TD, "tp.gather_tokens"), weight_OD, bias_O);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    comm::Communicator& tp = kept(context);
    const variable_list saved = context->get_saved_variables();
    const ops::Param weight_OD{saved[1], context->saved_data["grad"].toTensor()},
        bias_O{at::Tensor(), context->saved_data["grad_bias"].toTensor()};
    const at::Tensor dx_TD =
        ops::linear_backward(gradients[0], gathered(tp, saved[0], "tp.gather_again"), weight_OD, bias_O);
    return {scattered(tp, dx_TD, "tp.gather_tokens"), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/// All tokens, each rank having used them in part.
struct SumGathered : torch::autograd::Function<SumGathered> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& own_TD, comm::Communicator* tp) {
    keep(context, tp);
    return gathered(*tp, own_TD, "tp.gather_tokens");
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {scattered(kept(context), gradients[0], "tp.gather_tokens"), at::Tensor()};
  }
};

struct GatherTokens : torch::autograd::Function<GatherTokens> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& own_TD, comm::Communicator* tp) {
    keep(context, tp);
    return gathered(*tp, own_TD, "tp.gather_hidden");
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const comm::Communicator& tp = kept(context);
    return {gradients[0].chunk(tp.size())[tp.rank()], at::Tensor()};
  }
};

}  // namespace

at::Tensor column_linear(comm::Communicator& tp, Tokens tokens, const at::Tensor& x, const ops::Param& weight_OD,
                         const ops::Param& bias_O) {
  if (tp.size() == 1) return ops::linear(x, weight_OD, bias_O);
  if (tokens == Tokens::all) return ops::linear(wants_gradient(x) ? EnterColumns::apply(x, &tp) : x, weight_OD, bias_O);
  if (wants_gradient(x)) return GatheredLinear::apply(x, weight_OD, bias_O, &tp);
  return ops::linear(gathered(tp, x, "tp.gather_tokens"), weight_OD, bias_O);
}

at::Tensor sum_rows(comm::Communicator& tp, Tokens tokens, const at::Tensor& partial_TD, std::string_view label) {
  if (tp.size() == 1) return partial_TD;
  if (tokens == Tokens::all)
    return wants_gradient(partial_TD) ? SumRows::apply(partial_TD, &tp, label) : summed(tp, partial_TD, label);
  return wants_gradient(partial_TD) ? ScatterRows::apply(partial_TD, &tp, label) : scattered(tp, partial_TD, label);
}

at::Tensor all_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& x) {
  if (tp.size() == 1) return x;
  if (tokens == Tokens::all) return wants_gradient(x) ? EnterColumns::apply(x, &tp) : x;
  return wants_gradient(x) ? SumGathered::apply(x, &tp) : gathered(tp, x, "tp.gather_tokens");
}

at::Tensor own_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& x) {
  if (tp.size() == 1 || tokens == Tokens::cut) return x;
  const spec::Range own = spec::part_of(x.size(0), tp.size(), tp.rank());
  return all_tokens(tp, tokens, x).narrow(0, own.begin, own.size());
}

at::Tensor joined_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& own_TD, std::int64_t num_tokens,
                         std::string_view label) {
  if (tp.size() == 1 || tokens == Tokens::cut) return own_TD;
  const spec::Range own = spec::part_of(num_tokens, tp.size(), tp.rank());
  const at::Tensor padded_TD = at::constant_pad_nd(own_TD, {0, 0, own.begin, num_tokens - own.end});
  return sum_rows(tp, tokens, padded_TD, label);
}

at::Tensor gather_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& x) {
  if (tp.size() == 1 || tokens == Tokens::all) return x;
  return wants_gradient(x) ? GatherTokens::apply(x, &tp) : gathered(tp, x, "tp.gather_hidden");
}

}  // namespace muster::parallel

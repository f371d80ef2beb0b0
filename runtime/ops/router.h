// The router of a layer with experts: which experts see a token, and with what weight. Letters: T tokens, D width, X
// experts in G groups, C of them that are chosen for a token.
#pragma once

#include "runtime/ops/param.h"

namespace muster::ops {

struct RouterOptions {
  std::int64_t num_chosen = 1;
  bool normalize = false;            // the weights of the chosen sum to 1, before they are scaled
  at::ScalarType type = at::kFloat;  // in which scores are computed: float32 or float64
  bool sigmoid = false;              // each score by itself; otherwise a softmax over all experts
  // Groups of neighbouring experts; only those of the `top_groups` best are chosen from. 1 of 1: of all.
  std::int64_t num_groups = 1, top_groups = 1;
  double scale = 1;  // of the weights
};

struct Routes {
  at::Tensor experts_TC;  // int64, by falling score
  at::Tensor weights_TC;  // float32, with gradient where x has one
};

/// Scores are the softmax over all experts, or the sigmoid of each, of x . weight^T, computed in options.type whatever
/// the types of both. The C experts of the highest scores are chosen; of equal ones that of the lower number comes
/// first, of groups too, on every device and in every layout (at::topk has another rule on small rows). x_TD,
/// weight_XD. bias_X (float32, or undefined) is added to the scores for the choice alone: weights come without it. A
/// group is worth the sum of its two best; an expert outside the best groups is not chosen however low the others are.
/// source: arXiv:2412.19437, 2.1.2.
Routes route(const at::Tensor& x_TD, const Param& weight_XD, const at::Tensor& bias_X, const RouterOptions& options);

/// The columns of the C largest values of each row, by that rule. values_TX float32 or float64 -> int64 [T, C].
at::Tensor top_columns(const at::Tensor& values_TX, std::int64_t num_chosen);

}  // namespace muster::ops

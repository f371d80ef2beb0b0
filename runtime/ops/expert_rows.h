// Tokens as rows that lie expert by expert, and back. A token has a row for each expert that was chosen for it; nothing
// is dropped or padded. Letters: T tokens, C experts of a token, R = T C rows, D width, X experts.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace muster::ops {

/// What belongs to one group after another: stable, so that members of a group keep their order.
struct Grouped {
  at::Tensor order_R;   // int64: which member lies in each row
  at::Tensor places_R;  // int64, its inverse: the row of each member
  at::Tensor ends_X;    // int32: where the rows of each group end
};
/// groups_R: int64, the group of each member, within 0 .. num_groups.
Grouped group_by(const at::Tensor& groups_R, std::int64_t num_groups);

/// The rows of tokens of which experts_TC were chosen.
struct ExpertRows {
  std::int64_t num_chosen = 1;  // C
  Grouped choices;              // choice t C + c is expert c of token t
};
ExpertRows rows_by_expert(const at::Tensor& experts_TC, std::int64_t num_experts);

/// x_TD -> the token of each row, [R, D]. The gradient of a token is the sum over its rows, in the order of its
/// choices.
at::Tensor spread_rows(const at::Tensor& x_TD, const ExpertRows& rows);
/// The sum of the rows of each token, times weights_TC (float32), in float32 and in the order of its choices; rounded
/// once. y_RD -> [T, D], with gradients of both.
at::Tensor combine_rows(const at::Tensor& y_RD, const at::Tensor& weights_TC, const ExpertRows& rows);
/// Rows in the order of `order_R`, whose gradient goes back by its inverse: x_RD -> [R, D].
at::Tensor permute_rows(const at::Tensor& x_RD, const at::Tensor& order_R, const at::Tensor& places_R);

}  // namespace muster::ops

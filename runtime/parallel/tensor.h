// Tensor parallelism as layers see it: what surrounds matrices that are cut over tp, and the tokens between them.
// Letters: T tokens, D width of the stream, O outputs of a matrix on this rank. A group of one does nothing.
//
// Bytes that a rank of n sends, in units of (n - 1) / n x T x D elements. Tokens::all: a sum is 2, one forward
// (sum_rows) and one backward (column_linear). Tokens::cut: a gathering or a scatter is 1; forward one of each, the
// same 2; backward one of each, and 1 more where column_linear gathers again what it did not keep.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "runtime/ops/param.h"

namespace muster::comm {
class Communicator;
}

namespace muster::parallel {

/// Which tokens of the stream between matrices (norms, residuals) a rank of tp holds. A stream [T, D] is whole, or
/// [T / tp, D] where tokens are cut.
enum class Tokens {
  all,  // every rank all of them
  cut,  // sequence parallelism: each rank its T / tp in rank order; T is a multiple of tp
};

/// The stream x through a column-parallel matrix -> [T, O], of all tokens. Tokens::all: the gradient of x is summed
/// over tp. Tokens::cut: tokens are gathered for the product, and again in the backward (kept is x alone); the gradient
/// is summed and scattered. collective: tp (all: backward; cut: forward and backward).
at::Tensor column_linear(comm::Communicator& tp, Tokens tokens, const at::Tensor& x, const ops::Param& weight_OD,
                         const ops::Param& bias_O);
/// After a row-parallel matrix: the sum over tp as a stream; its gradient is that of all tokens. partial_TD: what this
/// rank's inputs give for all tokens. collective: tp (forward; cut: backward too).
at::Tensor sum_rows(comm::Communicator& tp, Tokens tokens, const at::Tensor& partial_TD, std::string_view label);
/// The stream of all tokens -> [T, D]. Its gradient must be whole on every rank, as token_logprobs leaves it, and is
/// cut. collective: tp (cut: forward).
at::Tensor gather_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& x);

/// The stream as all tokens, for what is cut over tp by other things than tokens -> [T, D]. Its gradient is summed over
/// tp (cut: and scattered). collective: tp (all: backward; cut: forward and backward).
at::Tensor all_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& x);
/// The stream as tokens that only this rank of tp takes care of, so that nobody computes one twice: those that it holds
/// (cut), or its part of them by spec::part_of, which may be empty (all). collective: tp (all: backward).
at::Tensor own_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& x);
/// What own_tokens became -> the stream of num_tokens tokens. collective: tp (all: forward).
at::Tensor joined_tokens(comm::Communicator& tp, Tokens tokens, const at::Tensor& own_TD, std::int64_t num_tokens,
                         std::string_view label);

}  // namespace muster::parallel

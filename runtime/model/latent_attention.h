// Latent attention (MLA): one of the mixers of a layer (spec::Mixer::latent_attention). Keys and values of all heads
// come from one narrow vector of a token, its latent, and one rotated key that all heads share; queries may pass
// through a narrow vector too. A head of queries and keys has an unrotated and a rotated part.
//
// Two forms of the same sums. Where keys and values are wanted (a trainer) the latent is multiplied up to heads. Where
// the context keeps latents (a generator's cache) it is not: the matrix of the keys is multiplied into the queries
// (absorbed) and that of the values into what attention gives, so that a token costs L + R elements of the cache, and
// all heads read the same.
// source: arXiv:2405.04434, 2.1; transformers 5.24, modeling_deepseek_v3, whose norms of both vectors have an epsilon
// of their own.
//
// Letters: T tokens, D width, Q width of a query's latent, L of a latent, H heads of this rank, N and R the unrotated
// and the rotated width of a query's and key's head, E = N + R, C = L + R, V width of a value's head, O rows of a
// matrix.
#pragma once

#include "runtime/model/forward_pass.h"
#include "runtime/model/unit_windows.h"

namespace muster::model {

class LatentAttention {
 public:
  /// Finds its weights among those of layer `layer`; heads are cut over tp, what makes latents is whole on every rank.
  LatentAttention(const UnitWindows& windows, const spec::ModelFacts& facts, std::int64_t layer,
                  const comm::Communicator& tp);
  /// Returns what attention adds to the stream, from the normed stream. collective: tp.
  at::Tensor forward(const ForwardPass& pass, const at::Tensor& normed_TD) const;

 private:
  struct Parts {
    at::Tensor q_THN, q_THR, latent_TL, key_T1R;  // rotated parts are turned; queries carry the factor of scores
  };
  Parts parts_of(const ForwardPass& pass, const at::Tensor& normed_TD) const;
  at::Tensor decompressed(const ForwardPass& pass, const Parts& parts) const;
  at::Tensor absorbed(const ForwardPass& pass, const Parts& parts) const;

  std::int64_t layer_, num_heads_;
  double factor_;                              // of scores, beside 1 / sqrt(E)
  ops::Param down_OD_, q_norm_Q_, kv_norm_L_;  // rows of a query's latent (where it has one), a latent, a key
  ops::Param q_OQ_, kv_OL_, o_DO_;             // q: of the stream where queries have no latent
};

}  // namespace muster::model

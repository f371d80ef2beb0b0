// The fused q, k, v of a token into heads: normalised when norms are given, turned by position. A block owns one head
// of one token (forward) or of a chunk of tokens (backward); a thread owns pairs (e, e + E/2) of a head, block.size()
// pairs apart. Letters: T tokens, H query heads, K key/value heads, E head width.
#pragma once

#include "runtime/ops/cuda/scalars.h"

namespace muster::ops::cuda {

template <class T>
struct HeadsLoop {
  std::int64_t tokens, num_heads, num_kv_heads, head_dim;
  float eps;
  const T *q_norm_E, *k_norm_E;  // null without norms
  const float *cos_PE2, *sin_PE2;
  const std::int64_t* positions_T;
  const T* qkv;                       // [T, (H + 2K) E]; the backward needs it with norms only
  T *q_THE, *k_TKE, *v_TKE;           // forward: written
  const T *dq_THE, *dk_TKE, *dv_TKE;  // backward: read
  T* dqkv;                            // backward: written
};

/// Which part of a row head number `head` (0 .. H + 2K - 1) is, and where its elements lie in the tensor of that part.
enum class HeadKind { query, key, value };
struct HeadPlace {
  HeadKind kind;
  std::int64_t offset;  // of element 0 in q, k or v
};
template <class T>
MUSTER_BODY HeadPlace place_of(const HeadsLoop<T>& loop, std::int64_t token, std::int64_t head) {
  const std::int64_t H = loop.num_heads, K = loop.num_kv_heads, E = loop.head_dim;
  if (head < H) return {HeadKind::query, (token * H + head) * E};
  if (head < H + K) return {HeadKind::key, (token * K + head - H) * E};
  return {HeadKind::value, (token * K + head - H - K) * E};
}

template <class T, class Block>
MUSTER_BODY float head_rstd(const Block& block, const T* x, std::int64_t E, float eps) {
  const float squares = block.sum([&](int thread) {
    float total = 0;
    for (std::int64_t e = thread; e < E; e += block.size()) total += to_float(x[e]) * to_float(x[e]);
    return total;
  });
  return 1.0f / sqrtf(squares / static_cast<float>(E) + eps);
}

template <class T, class Block>
MUSTER_BODY void split_head(const Block& block, const HeadsLoop<T>& loop, std::int64_t token, std::int64_t head) {
  const std::int64_t E = loop.head_dim, half = E / 2;
  const T* const x = loop.qkv + (token * (loop.num_heads + 2 * loop.num_kv_heads) + head) * E;
  const HeadPlace place = place_of(loop, token, head);
  if (place.kind == HeadKind::value) {
    block.each([&](int thread) {
      for (std::int64_t e = thread; e < E; e += block.size()) loop.v_TKE[place.offset + e] = x[e];
    });
    return;
  }
  const T* const norm = place.kind == HeadKind::query ? loop.q_norm_E : loop.k_norm_E;
  T* const out = (place.kind == HeadKind::query ? loop.q_THE : loop.k_TKE) + place.offset;
  const float rstd = norm != nullptr ? head_rstd(block, x, E, loop.eps) : 1.0f;
  const float* const cosine = loop.cos_PE2 + loop.positions_T[token] * half;
  const float* const sine = loop.sin_PE2 + loop.positions_T[token] * half;
  block.each([&](int thread) {
    for (std::int64_t e = thread; e < half; e += block.size()) {
      float low = to_float(x[e]) * rstd, high = to_float(x[half + e]) * rstd;
      if (norm != nullptr) {
        low *= to_float(norm[e]);
        high *= to_float(norm[half + e]);
      }
      store(out[e], low * cosine[e] - high * sine[e]);
      store(out[half + e], high * cosine[e] + low * sine[e]);
    }
  });
}

/// Backward of one head over tokens [first, last). partial_E (with norms, query and key heads): this chunk's part of
/// the gradient of the norm's weight; it is zero on entry.
template <class T, class Block>
MUSTER_BODY void split_head_backward(const Block& block, const HeadsLoop<T>& loop, std::int64_t head,
                                     std::int64_t first, std::int64_t last, float* partial_E) {
  const std::int64_t E = loop.head_dim, half = E / 2, width = (loop.num_heads + 2 * loop.num_kv_heads) * E;
  for (std::int64_t token = first; token < last; ++token) {
    const HeadPlace place = place_of(loop, token, head);
    T* const dx = loop.dqkv + token * width + head * E;
    if (place.kind == HeadKind::value) {
      block.each([&](int thread) {
        for (std::int64_t e = thread; e < E; e += block.size()) dx[e] = loop.dv_TKE[place.offset + e];
      });
      continue;
    }
    const T* const norm = place.kind == HeadKind::query ? loop.q_norm_E : loop.k_norm_E;
    const T* const dy = (place.kind == HeadKind::query ? loop.dq_THE : loop.dk_TKE) + place.offset;
    const float* const cosine = loop.cos_PE2 + loop.positions_T[token] * half;
    const float* const sine = loop.sin_PE2 + loop.positions_T[token] * half;
    // The rotation turned back: gradients of the normalised head.
    const auto low_of = [&](std::int64_t e) { return to_float(dy[e]) * cosine[e] + to_float(dy[half + e]) * sine[e]; };
    const auto high_of = [&](std::int64_t e) { return to_float(dy[half + e]) * cosine[e] - to_float(dy[e]) * sine[e]; };
    if (norm == nullptr) {
      block.each([&](int thread) {
        for (std::int64_t e = thread; e < half; e += block.size()) {
          store(dx[e], low_of(e));
          store(dx[half + e], high_of(e));
        }
      });
      continue;
    }
    const T* const x = loop.qkv + token * width + head * E;
    const float rstd = head_rstd(block, x, E, loop.eps);
    const float along = block.sum([&](int thread) {
      float total = 0;
      for (std::int64_t e = thread; e < half; e += block.size()) {
        total += to_float(x[e]) * to_float(norm[e]) * low_of(e) +
                 to_float(x[half + e]) * to_float(norm[half + e]) * high_of(e);
      }
      return total;
    });
    const float share = along * rstd * rstd * rstd / static_cast<float>(E);
    block.each([&](int thread) {
      for (std::int64_t e = thread; e < half; e += block.size()) {
        const float low = low_of(e), high = high_of(e);
        store(dx[e], to_float(norm[e]) * low * rstd - to_float(x[e]) * share);
        store(dx[half + e], to_float(norm[half + e]) * high * rstd - to_float(x[half + e]) * share);
        partial_E[e] += low * to_float(x[e]) * rstd;  // this thread alone owns these elements
        partial_E[half + e] += high * to_float(x[half + e]) * rstd;
      }
    });
  }
}

}  // namespace muster::ops::cuda

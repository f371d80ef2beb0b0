// The one file that sees FlashInfer's headers. One path for prefill and decode: its kernel takes query tokens and the
// heads of a group together as rows, so that single tokens fill its tiles too.
#include "runtime/ops/cuda/paged_kernels.h"

#include <cmath>

#include <flashinfer/attention/default_prefill_params.cuh>
#include <flashinfer/attention/prefill.cuh>
#include <flashinfer/attention/scheduler.cuh>
#include <flashinfer/attention/variants.cuh>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::ops::cuda {
namespace {

using Element = nv_bfloat16;
using Params = flashinfer::BatchPrefillPagedParams<Element, Element, Element, std::int32_t>;
using Variant =
    flashinfer::DefaultAttention</*use_custom_mask=*/false, /*use_sliding_window=*/false, /*use_logits_soft_cap=*/false,
                                 /*use_alibi=*/false>;

template <class Value>
Value* at_offset(void* base, std::int64_t offset) {
  return reinterpret_cast<Value*>(static_cast<char*>(base) + offset);
}

template <std::uint32_t HeadDim, std::uint32_t TileRows>
cudaError_t run_tiles(const Params& params, Element* partial_values, float* partial_sums, cudaStream_t stream) {
  return flashinfer::BatchPrefillWithPagedKVCacheDispatched<
      TileRows, HeadDim, HeadDim, flashinfer::PosEncodingMode::kNone,
      /*USE_FP16_QK_REDUCTION=*/false, flashinfer::MaskMode::kCausal, Variant>(params, partial_values, partial_sums,
                                                                               /*enable_pdl=*/false, stream);
}

template <std::uint32_t HeadDim>
cudaError_t run_width(const Params& params, std::int64_t tile_rows, Element* partial_values, float* partial_sums,
                      cudaStream_t stream) {
  switch (tile_rows) {
    case 16:
      return run_tiles<HeadDim, 16>(params, partial_values, partial_sums, stream);
    case 64:
      return run_tiles<HeadDim, 64>(params, partial_values, partial_sums, stream);
    case 128:
      return run_tiles<HeadDim, 128>(params, partial_values, partial_sums, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace

std::vector<std::int64_t> plan_paged(const PagedShape& shape, std::vector<std::int32_t> query_begin,
                                     std::vector<std::int32_t> page_begin, void* device_floats, void* device_ints,
                                     void* host_ints, void* stream) {
  flashinfer::PrefillPlanInfo plan;
  const cudaError_t code = flashinfer::PrefillPlan<std::int32_t>(
      device_floats, kPagedFloatBytes, device_ints, host_ints, kPagedIntBytes, plan, query_begin.data(),
      page_begin.data(), static_cast<std::uint32_t>(shape.num_tokens), static_cast<std::uint32_t>(shape.num_sequences),
      static_cast<std::uint32_t>(shape.num_heads), static_cast<std::uint32_t>(shape.num_kv_heads),
      static_cast<std::uint32_t>(shape.head_dim), static_cast<std::uint32_t>(shape.head_dim),
      static_cast<std::uint32_t>(shape.page_tokens), /*enable_cuda_graph=*/false, sizeof(Element), /*window_left=*/-1,
      /*fixed_split_size=*/-1,
      /*disable_split_kv=*/false, /*num_colocated_ctas=*/0, static_cast<cudaStream_t>(stream));
  if (code != cudaSuccess) {
    throw Error::cluster({.what = base::text("attention over pages cannot be planned: ", cudaGetErrorString(code)),
                          .where = "runtime/ops/cuda",
                          .fix = ""});
  }
  return plan.ToVector();
}

int run_paged(const PagedShape& shape, const std::vector<std::int64_t>& plan_words, const PagedPointers& pointers,
              void* stream) {
  flashinfer::PrefillPlanInfo plan;
  plan.FromVector(plan_words);
  const auto ints = [](const std::int32_t* words) {
    return const_cast<std::int32_t*>(words);
  };  // read only, declared without const
  const auto elements = [](const void* data) { return static_cast<Element*>(const_cast<void*>(data)); };
  const flashinfer::paged_kv_t<Element, std::int32_t> cache(
      static_cast<std::uint32_t>(shape.num_kv_heads), static_cast<std::uint32_t>(shape.page_tokens),
      static_cast<std::uint32_t>(shape.head_dim), static_cast<std::uint32_t>(shape.num_sequences),
      flashinfer::QKVLayout::kNHD, elements(pointers.keys_PSKE), elements(pointers.values_PSKE), ints(pointers.pages),
      ints(pointers.page_begin), ints(pointers.last_page_tokens));
  Params params(elements(pointers.q_THE), cache, /*maybe_custom_mask=*/nullptr, ints(pointers.query_begin),
                /*maybe_mask_indptr=*/nullptr,
                /*maybe_q_rope_offset=*/nullptr, static_cast<Element*>(pointers.o_THE), /*lse=*/nullptr,
                /*maybe_alibi_slopes=*/nullptr, static_cast<std::uint32_t>(shape.num_heads),
                static_cast<std::int32_t>(shape.num_heads * shape.head_dim), static_cast<std::int32_t>(shape.head_dim),
                /*window_left=*/-1, /*logits_soft_cap=*/0.0f, 1.0f / std::sqrt(static_cast<float>(shape.head_dim)),
                /*rope_scale=*/1.0f, /*rope_theta=*/1e4f);
  params.request_indices = at_offset<std::int32_t>(pointers.device_ints, plan.request_indices_offset);
  params.qo_tile_indices = at_offset<std::int32_t>(pointers.device_ints, plan.qo_tile_indices_offset);
  params.kv_tile_indices = at_offset<std::int32_t>(pointers.device_ints, plan.kv_tile_indices_offset);
  params.o_indptr = at_offset<std::int32_t>(pointers.device_ints, plan.o_indptr_offset);
  params.kv_chunk_size_ptr = at_offset<std::int32_t>(pointers.device_ints, plan.kv_chunk_size_ptr_offset);
  params.padded_batch_size = static_cast<std::uint32_t>(plan.padded_batch_size);
  params.max_total_num_rows = static_cast<std::uint32_t>(plan.total_num_rows);
  Element* partial_values = nullptr;
  float* partial_sums = nullptr;
  if (plan.split_kv) {
    params.partition_kv = true;
    params.merge_indptr = at_offset<std::int32_t>(pointers.device_ints, plan.merge_indptr_offset);
    partial_values = at_offset<Element>(pointers.device_floats, plan.v_offset);
    partial_sums = at_offset<float>(pointers.device_floats, plan.s_offset);
  }
  const auto on = static_cast<cudaStream_t>(stream);
  if (shape.head_dim == 64) return run_width<64>(params, plan.cta_tile_q, partial_values, partial_sums, on);
  if (shape.head_dim == 128) return run_width<128>(params, plan.cta_tile_q, partial_values, partial_sums, on);
  throw Error::cluster(
      {.what = base::text("attention over pages has no CUDA kernel for heads of width ", shape.head_dim),
       .where = "runtime/ops/cuda",
       .fix = "its widths are 64 and 128; or set allow_fallback = true to run the slow plain form"});
}

}  // namespace muster::ops::cuda

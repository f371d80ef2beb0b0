// The CUDA forms of the operations, under the names of their tables. Letters as in layer_forms.h and attention_forms.h.
#pragma once

#include "runtime/device/forms.h"
#include "runtime/ops/attention_forms.h"
#include "runtime/ops/layer_forms.h"
#include "runtime/ops/score_rows.h"

namespace muster::ops::cuda {

EmbeddingForward embedding_forward;
EmbeddingBackward embedding_backward;
RmsNormForward rms_norm_forward;
RmsNormBackward rms_norm_backward;
SwigluForward swiglu_forward;
SwigluBackward swiglu_backward;
SplitHeadsForward split_heads_forward;
SplitHeadsBackward split_heads_backward;
ScoreRows score_rows;
ScoreRowsBackward score_rows_backward;
/// By ATen's FlashAttention over segments of different length: bfloat16, E a multiple of 8 up to 256. throws:
/// Error::user when a segment names a prefix (train.share_prompt).
PackedAttentionForward packed_attention_forward;
PackedAttentionBackward packed_attention_backward;
AppendPages append_pages;
/// By FlashInfer: bfloat16, E 64 or 128.
PagedAttention paged_attention;

/// Adds all of them.
void register_forms(device::Forms& forms);

}  // namespace muster::ops::cuda

#include "runtime/ops/cuda/forms.h"

namespace muster::ops::cuda {

void register_forms(device::Forms& forms) {
  forms.add<EmbeddingForward>("embedding", embedding_forward);
  forms.add<EmbeddingBackward>("embedding_backward", embedding_backward);
  forms.add<RmsNormForward>("rms_norm", rms_norm_forward);
  forms.add<RmsNormBackward>("rms_norm_backward", rms_norm_backward);
  forms.add<SwigluForward>("swiglu", swiglu_forward);
  forms.add<SwigluBackward>("swiglu_backward", swiglu_backward);
  forms.add<SplitHeadsForward>("split_heads", split_heads_forward);
  forms.add<SplitHeadsBackward>("split_heads_backward", split_heads_backward);
  forms.add<ScoreRows>("score_rows", score_rows);
  forms.add<ScoreRowsBackward>("score_rows_backward", score_rows_backward);
  forms.add<PackedAttentionForward>("packed_attention", packed_attention_forward);
  forms.add<PackedAttentionBackward>("packed_attention_backward", packed_attention_backward);
  forms.add<AppendPages>("append_pages", append_pages);
  forms.add<PagedAttention>("paged_attention", paged_attention);
}

}  // namespace muster::ops::cuda

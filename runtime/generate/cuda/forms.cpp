// Letters: R rows, V entries of this rank's part of the vocabulary, N slots.
#include "runtime/generate/cuda/forms.h"

#include <ATen/ATen.h>

#include "runtime/generate/cuda/draw_kernels.h"
#include "runtime/ops/cuda/tensors.h"

namespace muster::generate::cuda {

at::Tensor draw_rows(const at::Tensor& logits_RV, const at::Tensor& draws_N6, double scale, std::int64_t first_entry,
                     bool is_greedy) {
  const at::Tensor logits = logits_RV.contiguous(), slots = draws_N6.contiguous();
  const at::Tensor best_N5 = at::empty({slots.size(0), 5}, logits.options().dtype(at::kDouble));
  if (slots.size(0) == 0) return best_N5;
  ops::cuda::for_type("draw_rows", logits.scalar_type(), [&]<class T>(T) {
    const DrawLoop<T> loop{.logits_RV = ops::cuda::read<T>(logits),
                           .draws_N6 = ops::cuda::read<std::int64_t>(slots),
                           .best_N5 = ops::cuda::write<double>(best_N5),
                           .V = logits.size(1),
                           .first_entry = first_entry,
                           .scale = static_cast<float>(scale),
                           .is_greedy = is_greedy};
    ops::cuda::check_launch(launch_draws(loop, slots.size(0), ops::cuda::stream_of(logits)), "draw_rows");
  });
  return best_N5;
}

void register_forms(device::Forms& forms) { forms.add<DrawRows>(kDrawRows, draw_rows); }

}  // namespace muster::generate::cuda

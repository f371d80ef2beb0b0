#include "runtime/model/context.h"

#include "runtime/base/error.h"

namespace muster::model {

at::Tensor Context::attend_latents(std::int64_t, const at::Tensor&, const at::Tensor&) {
  INVARIANT(false, "only a context that keeps latents is asked for them");
}

}  // namespace muster::model

#include "runtime/ops/flops.h"

namespace muster::ops {
namespace {
double flops_so_far = 0;
}

void count_flops(double flops) { flops_so_far += flops; }
double counted_flops() { return flops_so_far; }

}  // namespace muster::ops

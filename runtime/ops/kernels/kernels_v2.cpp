// The kernels compiled for x86-64-v2.
#define MUSTER_LEVEL v2
#include "runtime/ops/kernels/table.inc"

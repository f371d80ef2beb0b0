// The kernels compiled for x86-64-v3.
#define MUSTER_LEVEL v3
#include "runtime/ops/kernels/table.inc"

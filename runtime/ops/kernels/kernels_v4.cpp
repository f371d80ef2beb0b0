// The kernels compiled for x86-64-v4.
#define MUSTER_LEVEL v4
#include "runtime/ops/kernels/table.inc"

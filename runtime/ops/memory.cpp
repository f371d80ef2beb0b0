// glibc's allocator, told to trim late and to map only large blocks.
#include "runtime/ops/memory.h"

#include <malloc.h>

namespace muster::ops {

void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
  ::mallopt(M_TOP_PAD, 16 << 20);
}

}  // namespace muster::ops

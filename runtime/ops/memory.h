// How this process keeps memory between operations.
#pragma once

namespace muster::ops {

/// Freed memory stays with the process instead of going back to the kernel and coming again as zeroed pages:
/// activations of one micro batch are freed and allocated again thousands of times, and page faults cost as much as the
/// arithmetic of a small model. For main, before the first tensor; blocks above 32 MiB are not kept.
void keep_freed_memory();

}  // namespace muster::ops

// Memory of this process's tensors by owner: the allocators of the CPU and of the meta device (tensors with shapes and
// no data, of a rehearsal) count what they give once tracking is on. One thread makes tensors; others may free them.
#pragma once

#include <cstdint>

#include "runtime/spec/memory.h"

namespace muster::ops {

/// The device whose allocator is tracked.
enum class TrackedDevice { cpu, meta };

/// Tracking begins: tensors that are made on the device from now on are counted.
void track_memory(TrackedDevice kind);
/// Returns the bytes held now, and those held at the peak since begin_peak. All are 0 where nothing is tracked.
spec::MemoryFigures held(TrackedDevice kind);
spec::MemoryFigures peak_bytes(TrackedDevice kind);
void begin_peak(TrackedDevice kind);

/// Tensors that are made while it lives belong to `owner`; those of nobody are activations.
class Owner {
 public:
  explicit Owner(spec::MemoryOwner owner);
  ~Owner();
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

 private:
  spec::MemoryOwner before_;
};

}  // namespace muster::ops

// What this process's tensors hold, by owner: the allocators of the CPU and of the meta device (tensors with shapes and
// no data, of a rehearsal) keep books once they are told to. One thread makes tensors; others may free them.
#pragma once

#include <cstdint>

#include "runtime/spec/memory.h"

namespace muster::ops {

/// Of the meta device, or of the CPU.
enum class TrackedDevice { cpu, meta };

/// From now on tensors of the kind are counted. Before the first that shall be.
void track_memory(TrackedDevice kind);
/// What is held now; what was held when it was most since begin_peak. All 0 where no books are kept.
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

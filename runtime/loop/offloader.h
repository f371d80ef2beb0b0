// Offloading between the phases of a step, as the plan chose (spec::OffloadLevel). One owner of all moves; everybody
// else looks into tensors that stay the same while their memory is given back and taken again.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "runtime/spec/phase_memory.h"

namespace muster::loop {

/// Copies between device and host, both ways, and the host's time in them.
struct OffloadStats {
  std::int64_t bytes = 0;
  double seconds = 0;
};

class Offloader {
 public:
  /// `aliases`: the generator reads the trainer's weights.
  Offloader(spec::OffloadLevel level, bool aliases) : level_(level), aliases_(aliases) {}
  /// Adds a tensor that is all of its storage and on the device now. It stays there until the next enter().
  void add(spec::MemoryOwner owner, const at::Tensor& whole);
  /// Offloads what the phase does not use, to pinned memory of the host or for good, then loads what it uses. Has no
  /// effect where nothing moves. In order with the current stream. Returns whether anything was loaded or offloaded.
  bool enter(spec::Phase phase);

  /// Returns what enter() copied since the last call, and begins anew.
  OffloadStats take_offload_stats();

 private:
  struct Buffer {
    spec::MemoryOwner owner;
    at::Tensor whole, on_host;  // on_host: undefined before the first offload, and where the memory is given back
    bool is_on_device = true;
  };
  void offload(Buffer& buffer);
  void load(Buffer& buffer);

  spec::OffloadLevel level_;
  bool aliases_;
  std::vector<Buffer> buffers_;
  OffloadStats stats_;
};

}  // namespace muster::loop

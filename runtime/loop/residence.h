// What lies on a rank's device in each phase of a step: the plan's choice (spec::Moves) carried out. One owner of all
// moves; everybody else looks into tensors that stay the same while their memory comes and goes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "runtime/spec/phase_memory.h"

namespace muster::loop {

class Residence {
 public:
  /// `aliases`: the generator reads the trainer's weights.
  Residence(spec::Moves moves, bool aliases) : moves_(moves), aliases_(aliases) {}
  /// A tensor with all of its storage, now on the device. It stays there until the next enter().
  void add(spec::MemoryOwner owner, const at::Tensor& whole);
  /// What the phase does not use leaves first, to pinned memory of the host or for good; what it uses comes. No effect
  /// where nothing moves. In order with the current stream. True when anything came or left.
  bool enter(spec::Phase phase);

  /// Since the last call: what enter() copied, both ways, and the host's time in it.
  struct Moved {
    std::int64_t bytes = 0;
    double seconds = 0;
  };
  Moved take_moved();

 private:
  struct Guest {
    spec::MemoryOwner owner;
    at::Tensor whole, on_host;  // on_host: undefined before it left for the first time, and where it is given back
    bool is_here = true;
  };
  void leave(Guest& guest);
  void come(Guest& guest);

  spec::Moves moves_;
  bool aliases_;
  std::vector<Guest> guests_;
  Moved moved_;
};

}  // namespace muster::loop

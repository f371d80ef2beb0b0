// Forms for tensors without data: they make what the other forms make and compute nothing. For rehearsals.
#pragma once

namespace muster::ops {

/// Adds them to every table of this room. Once.
void add_meta_kernels();

}  // namespace muster::ops

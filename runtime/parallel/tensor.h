// Tensor parallelism as layers see it: what surrounds a column-parallel and a row-parallel matrix. A group of one does
// nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace muster::comm {
class Communicator;
}

namespace muster::parallel {

/// Before a column-parallel matrix: x itself; its gradient is summed over tp. collective: tp (backward).
at::Tensor enter_columns(comm::Communicator& tp, const at::Tensor& x);
/// After a row-parallel matrix: the sum over tp; its gradient passes through. collective: tp (forward).
at::Tensor sum_rows(comm::Communicator& tp, const at::Tensor& x, std::string_view label);

}  // namespace muster::parallel

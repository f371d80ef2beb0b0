// Expert parallelism as layers see it: rows that are bound for experts of other ranks travel there and back. Letters: R
// rows of this rank's tokens, M rows for this rank's experts, D width, X experts, L of them on this rank. A group of
// one does nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "runtime/ops/expert_rows.h"
#include "runtime/ops/grouped_linear.h"

namespace muster::comm {
class Communicator;
}

namespace muster::spec {
struct MoeJob;
}

namespace muster::parallel {

class Mesh;

/// Where the experts of a layer lie.
struct ExpertLayout {
  comm::Communicator* ep = nullptr;         // ranks that hold consecutive ones, each as many; null: this rank has all
  bool cut_over_tp = false;                 // each expert is cut over tp as a dense block is
  at::ScalarType router_type = at::kFloat;  // in which scores are computed
};

/// As the degrees of the mesh say; the default for models without experts. Borrows the mesh.
ExpertLayout expert_layout(Mesh& mesh, const spec::MoeJob& moe);

/// In a rehearsal, where counts have no values, the experts of this rank get `times` as many rows as on average; 1
/// unless somebody says otherwise. The whole process.
void set_rehearsed_skew(double times);

/// How the rows of one layer and pass travel over ep. Default: nowhere.
struct Dispatch {
  comm::Communicator* ep = nullptr;
  std::vector<std::int64_t> sent, received;  // rows to and from each rank
  ops::Grouped arrivals;                     // received rows by expert of this rank
  ops::RowGroups experts;                    // of this rank: where the rows of each end
};

/// Tells every rank of ep how many rows come to it. ends_X: where the rows of each expert end, rows lie expert by
/// expert. Waits for the host once; not at all in a group of one without a backward to come. collective: ep (one call;
/// none in a group of one).
Dispatch plan_dispatch(comm::Communicator* ep, const at::Tensor& ends_X, std::int64_t num_rows, bool has_backward);
/// x_RD, expert by expert -> x_MD, expert of this rank by expert; within one by rank, then in its order. Returns with
/// gradient. collective: ep (forward and backward).
at::Tensor send_rows(const Dispatch& dispatch, const at::Tensor& x_RD);
/// y_MD in that order -> y_RD, each row where it came from. collective: ep (forward and backward).
at::Tensor return_rows(const Dispatch& dispatch, const at::Tensor& y_MD);

}  // namespace muster::parallel

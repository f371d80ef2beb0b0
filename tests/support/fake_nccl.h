// A stand-in for the calls of comm/nccl_api.h between real processes on this machine, on the streams of fake_cuda.
// Calls are taken late (kNcclInProgress) and complete late, and only when every rank has come. It ends the process by
// fake_fault for what the real library answers with a hang or wrong numbers:
//   - ranks that call different things, counts, types, roots or reductions on one communicator
//   - two communicators used in another order on two ranks that are in both
//   - a send that meets a send, because the two stand in no group
//   - a call while the last is still being taken, after abort, destroy or finalize; a split while calls are under way
#pragma once

#include "runtime/comm/nccl_api.h"

namespace muster::tests {

const comm::NcclApi& fake_nccl();

}  // namespace muster::tests

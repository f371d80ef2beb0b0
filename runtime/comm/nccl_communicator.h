// nccl: ranks on GPUs, one a GPU, over raw NCCL. Calls run on a stream of the communicator's own, held behind the
// caller's current stream and holding it back in turn, so that they are in order with the caller's work and the host
// never waits.
//
// All communicators are non-blocking and are ended by abort when a call is late: the first late call is named by the
// next call of any communicator of this rank (Error::rank), and at once to `on_failure`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/comm/communicator.h"
#include "runtime/comm/nccl_api.h"
#include "runtime/comm/store.h"
#include "runtime/device/stream.h"

namespace muster::comm {

struct NcclOptions {
  device::Device device;
  const NcclApi* nccl = nullptr;                       // from nccl_api()
  double timeout_s = 600;                              // of every call, and of the meeting
  std::function<void(const std::string&)> on_failure;  // from the watching thread, once; may be empty
};

/// The table of libmuster_cuda.so, which must be open (device/cuda_library.h). throws: Error::cluster.
const NcclApi& nccl_api();

/// collective: all `size` ranks that share `store`, under one `name`; the current device is the rank's. A group of one
/// is solo. throws: Error::cluster when the group does not come together in time.
std::unique_ptr<Communicator> make_nccl(std::string name, std::shared_ptr<Store> store, int rank, int size,
                                        const NcclOptions& options);

}  // namespace muster::comm

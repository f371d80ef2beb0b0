// The few calls of NCCL that comm/ makes, as a table: the real one lies in libmuster_cuda.so, and the tests bring an
// asynchronous stand-in with real processes. Names, codes and meanings are NCCL's (2.18 or newer); communicators are
// made non-blocking, so a call may answer kNcclInProgress and comm_async_error tells when it is done.
#pragma once

#include <cstddef>

#include "runtime/device/cuda_api.h"

namespace muster::comm {

using NcclComm = void*;  // ncclComm_t

struct NcclUniqueId {
  char bytes[128];
};

// ncclResult_t
inline constexpr int kNcclSuccess = 0, kNcclInvalidUsage = 5, kNcclRemoteError = 6, kNcclInProgress = 7;
// ncclRedOp_t
inline constexpr int kNcclSum = 0, kNcclMax = 2, kNcclMin = 3;
// ncclDataType_t
inline constexpr int kNcclInt8 = 0, kNcclUint8 = 1, kNcclInt32 = 2, kNcclInt64 = 4, kNcclFloat16 = 6, kNcclFloat32 = 7,
                     kNcclFloat64 = 8, kNcclBfloat16 = 9;
inline constexpr int kNcclNoColor = -1;

/// Functions that return int return a ncclResult_t. Streams are the caller's; counts are elements.
struct NcclApi {
  int (*version)(int* version) = nullptr;
  int (*unique_id)(NcclUniqueId* id) = nullptr;
  int (*comm_init)(NcclComm* comm, int size, const NcclUniqueId* id, int rank,
                   const char* name) = nullptr;  // non-blocking
  int (*comm_split)(NcclComm comm, int color, int key, NcclComm* part,
                    const char* name) = nullptr;  // non-blocking, shares resources
  int (*comm_async_error)(NcclComm comm, int* state) = nullptr;
  int (*comm_finalize)(NcclComm comm) = nullptr;
  int (*comm_destroy)(NcclComm comm) = nullptr;
  int (*comm_abort)(NcclComm comm) = nullptr;
  int (*group_start)() = nullptr;
  int (*group_end)() = nullptr;
  int (*all_reduce)(const void* from, void* to, std::size_t count, int type, int op, NcclComm comm,
                    device::StreamHandle stream) = nullptr;
  int (*all_gather)(const void* from, void* to, std::size_t send_count, int type, NcclComm comm,
                    device::StreamHandle stream) = nullptr;
  int (*reduce_scatter)(const void* from, void* to, std::size_t receive_count, int type, int op, NcclComm comm,
                        device::StreamHandle stream) = nullptr;
  int (*broadcast)(const void* from, void* to, std::size_t count, int type, int root, NcclComm comm,
                   device::StreamHandle stream) = nullptr;
  int (*send)(const void* from, std::size_t count, int type, int peer, NcclComm comm,
              device::StreamHandle stream) = nullptr;
  int (*receive)(void* to, std::size_t count, int type, int peer, NcclComm comm, device::StreamHandle stream) = nullptr;
  const char* (*error_text)(int code) = nullptr;
  const char* (*last_error)(NcclComm comm) = nullptr;
};

}  // namespace muster::comm

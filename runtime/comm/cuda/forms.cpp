// The only file that includes nccl.h.
#include "runtime/comm/cuda/forms.h"

#include <nccl.h>

#include <algorithm>

namespace muster::comm::cuda {
namespace {

static_assert(NCCL_VERSION_CODE >= NCCL_VERSION(2, 27, 0), "commName and splitShare are asked for");
static_assert(sizeof(NcclUniqueId) == sizeof(ncclUniqueId));
static_assert(kNcclSuccess == ncclSuccess && kNcclInvalidUsage == ncclInvalidUsage &&
              kNcclRemoteError == ncclRemoteError && kNcclInProgress == ncclInProgress);
static_assert(kNcclSum == ncclSum && kNcclMax == ncclMax && kNcclMin == ncclMin);
static_assert(kNcclInt8 == ncclInt8 && kNcclUint8 == ncclUint8 && kNcclInt32 == ncclInt32 && kNcclInt64 == ncclInt64 &&
              kNcclFloat16 == ncclFloat16 && kNcclFloat32 == ncclFloat32 && kNcclFloat64 == ncclFloat64 &&
              kNcclBfloat16 == ncclBfloat16);
static_assert(kNcclNoColor == NCCL_SPLIT_NOCOLOR);

ncclComm_t comm_of(NcclComm comm) { return static_cast<ncclComm_t>(comm); }
cudaStream_t stream_of(device::StreamHandle stream) { return static_cast<cudaStream_t>(stream); }
ncclDataType_t type_of(int type) { return static_cast<ncclDataType_t>(type); }
ncclRedOp_t op_of(int op) { return static_cast<ncclRedOp_t>(op); }

ncclConfig_t config_of(const char* name) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;  // a call that cannot go on can be aborted
  config.commName = name;
  return config;
}

int comm_init(NcclComm* comm, int size, const NcclUniqueId* id, int rank, const char* name) {
  ncclUniqueId their_id;
  std::ranges::copy(id->bytes, their_id.internal);
  ncclConfig_t config = config_of(name);
  return ncclCommInitRankConfig(reinterpret_cast<ncclComm_t*>(comm), size, their_id, rank, &config);
}

int comm_split(NcclComm comm, int color, int key, NcclComm* part, const char* name) {
  ncclConfig_t config = config_of(name);
  config.splitShare = 1;  // buffers and connections of the parent
  return ncclCommSplit(comm_of(comm), color, key, reinterpret_cast<ncclComm_t*>(part), &config);
}

int comm_async_error(NcclComm comm, int* state) {
  ncclResult_t result = ncclSuccess;
  const ncclResult_t code = ncclCommGetAsyncError(comm_of(comm), &result);
  *state = result;
  return code;
}

int unique_id(NcclUniqueId* id) {
  ncclUniqueId made;
  const ncclResult_t code = ncclGetUniqueId(&made);
  std::ranges::copy(made.internal, id->bytes);
  return code;
}

NcclApi make_table() {
  NcclApi api;
  api.version = [](int* version) { return static_cast<int>(ncclGetVersion(version)); };
  api.unique_id = unique_id;
  api.comm_init = comm_init;
  api.comm_split = comm_split;
  api.comm_async_error = comm_async_error;
  api.comm_finalize = [](NcclComm comm) { return static_cast<int>(ncclCommFinalize(comm_of(comm))); };
  api.comm_destroy = [](NcclComm comm) { return static_cast<int>(ncclCommDestroy(comm_of(comm))); };
  api.comm_abort = [](NcclComm comm) { return static_cast<int>(ncclCommAbort(comm_of(comm))); };
  api.group_start = [] { return static_cast<int>(ncclGroupStart()); };
  api.group_end = [] { return static_cast<int>(ncclGroupEnd()); };
  api.all_reduce = [](const void* from, void* to, std::size_t count, int type, int op, NcclComm comm,
                      device::StreamHandle stream) {
    return static_cast<int>(ncclAllReduce(from, to, count, type_of(type), op_of(op), comm_of(comm), stream_of(stream)));
  };
  api.all_gather = [](const void* from, void* to, std::size_t count, int type, NcclComm comm,
                      device::StreamHandle stream) {
    return static_cast<int>(ncclAllGather(from, to, count, type_of(type), comm_of(comm), stream_of(stream)));
  };
  api.reduce_scatter = [](const void* from, void* to, std::size_t count, int type, int op, NcclComm comm,
                          device::StreamHandle stream) {
    return static_cast<int>(
        ncclReduceScatter(from, to, count, type_of(type), op_of(op), comm_of(comm), stream_of(stream)));
  };
  api.broadcast = [](const void* from, void* to, std::size_t count, int type, int root, NcclComm comm,
                     device::StreamHandle stream) {
    return static_cast<int>(ncclBroadcast(from, to, count, type_of(type), root, comm_of(comm), stream_of(stream)));
  };
  api.send = [](const void* from, std::size_t count, int type, int peer, NcclComm comm, device::StreamHandle stream) {
    return static_cast<int>(ncclSend(from, count, type_of(type), peer, comm_of(comm), stream_of(stream)));
  };
  api.receive = [](void* to, std::size_t count, int type, int peer, NcclComm comm, device::StreamHandle stream) {
    return static_cast<int>(ncclRecv(to, count, type_of(type), peer, comm_of(comm), stream_of(stream)));
  };
  api.error_text = [](int code) { return ncclGetErrorString(static_cast<ncclResult_t>(code)); };
  api.last_error = [](NcclComm comm) { return ncclGetLastError(comm_of(comm)); };
  return api;
}

}  // namespace

const NcclApi& nccl_api() {
  static const NcclApi api = make_table();
  return api;
}

void register_forms(device::Forms& forms) { forms.add<const NcclApi&()>("nccl_api", nccl_api); }

}  // namespace muster::comm::cuda

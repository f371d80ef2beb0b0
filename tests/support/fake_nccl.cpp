#include "tests/support/fake_nccl.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "tests/support/fake_cuda.h"
#include "tests/support/fake_nccl_transfers.h"

namespace muster::tests {
namespace {

using comm::NcclComm;
using device::StreamHandle;

constexpr int kTakenLate_us = 300;  // at most, until comm_async_error says so

struct FakeComm {
  Mesh mesh;
  std::mutex mutex;
  std::string closed;         // guarded by mutex: "aborted", "destroyed", "finalized": no call may come any more
  double taken_s = 0;         // guarded by mutex: when the last call will have been taken
  bool meeting = true;        // guarded by mutex: ranks are still connecting
  std::int64_t sequence = 0;  // guarded by mutex
  int num_outstanding = 0;    // guarded by mutex
  int num_splits = 0;
  std::thread background;
};

// One library a process, like the real one; communicators are kept for good, so that a use after abort is seen as such.
struct Library {
  std::mutex mutex;
  std::map<std::int64_t, std::int64_t> pair_order;  // guarded by mutex: calls issued with that process
  int group_depth = 0;
  struct Grouped {
    FakeComm* comm;
    StreamHandle stream;
    Operation operation;
  };
  std::vector<Grouped> group;
};
Library& library() {
  static auto* library = new Library;
  return *library;
}

FakeComm& comm_of(NcclComm handle) {
  if (handle == nullptr) fake_fault("NCCL was called with no communicator");
  return *static_cast<FakeComm*>(handle);
}

/// Checks that a call may come now. In a group nothing has been taken yet.
void check_usable(FakeComm& comm, const char* call) {
  const std::lock_guard lock(comm.mutex);
  if (!comm.closed.empty())
    fake_fault(base::text(comm.mesh.name, ": ", call, " after the communicator was ", comm.closed));
  if (comm.meeting || base::steady_s() < comm.taken_s)
    fake_fault(base::text(comm.mesh.name, ": ", call,
                          " while an earlier call is still being taken: comm_async_error was not asked"));
}

void take_late(FakeComm& comm) {
  const std::lock_guard lock(comm.mutex);
  comm.taken_s = base::steady_s() + 1e-6 * static_cast<double>(1 + (comm.sequence * 7919 + ::getpid()) % kTakenLate_us);
}

/// Counts this call between this process and the peer's.
std::int64_t next_pair_order(const Mesh& mesh, int peer) {
  const std::lock_guard lock(library().mutex);
  return ++library().pair_order[mesh.processes[peer]];
}

void put(FakeComm& comm, StreamHandle stream, std::function<void()> work) {
  {
    const std::lock_guard lock(comm.mutex);
    ++comm.num_outstanding;
  }
  fake_launch(stream, [&comm, work = std::move(work)] {
    work();
    const std::lock_guard lock(comm.mutex);
    --comm.num_outstanding;
  });
}

void issue_collective(FakeComm& comm, StreamHandle stream, Operation operation) {
  std::vector<std::int64_t> orders;
  for (int peer = 0; peer < comm.mesh.size; ++peer)
    orders.push_back(peer == comm.mesh.rank ? 0 : next_pair_order(comm.mesh, peer));
  operation.frame.sequence = ++comm.sequence;
  put(comm, stream, [&comm, operation, orders = std::move(orders)] { run_collective(comm.mesh, operation, orders); });
}

void issue_messages(FakeComm& comm, StreamHandle stream, std::vector<Operation> operations) {
  std::map<int, std::int64_t> orders;
  for (const Operation& operation : operations)
    if (!orders.contains(operation.peer)) orders[operation.peer] = next_pair_order(comm.mesh, operation.peer);
  put(comm, stream, [&comm, operations = std::move(operations), orders = std::move(orders)] {
    run_messages(comm.mesh, operations, orders);
  });
}

void issue_group(std::vector<Library::Grouped> group) {
  std::vector<FakeComm*> comms;
  for (const auto& entry : group)
    if (std::ranges::find(comms, entry.comm) == comms.end()) comms.push_back(entry.comm);
  for (FakeComm* comm : comms) {
    std::vector<Operation> messages;
    StreamHandle stream = nullptr;
    for (const auto& entry : group) {
      if (entry.comm != comm) continue;
      stream = entry.stream;
      if (entry.operation.frame.kind == FrameKind::message)
        messages.push_back(entry.operation);
      else
        issue_collective(*comm, stream, entry.operation);
    }
    if (!messages.empty()) issue_messages(*comm, stream, std::move(messages));
    take_late(*comm);
  }
}

int call(NcclComm handle, StreamHandle stream, Operation operation) {
  FakeComm& comm = comm_of(handle);
  check_usable(comm, frame_kind_name(operation.frame.kind));
  Library& nccl = library();
  if (nccl.group_depth > 0) {
    nccl.group.push_back({&comm, stream, operation});
    return comm::kNcclSuccess;
  }
  issue_group({{&comm, stream, operation}});
  return comm::kNcclInProgress;
}

int group_end() {
  Library& nccl = library();
  if (nccl.group_depth == 0) fake_fault("group_end without group_start");
  if (--nccl.group_depth > 0) return comm::kNcclSuccess;
  issue_group(std::exchange(nccl.group, {}));
  return comm::kNcclInProgress;
}

/// The ranks meet in the background.
void meet(FakeComm& comm, std::function<void()> before = {}) {
  comm.background = std::thread([&comm, before = std::move(before)] {
    if (before) before();
    fake_delay(kCompletesLate_us);
    if (comm.mesh.size > 1) comm.mesh.connect();
    const std::lock_guard lock(comm.mutex);
    comm.meeting = false;
  });
  comm.background.detach();
}

int comm_init(NcclComm* handle, int size, const comm::NcclUniqueId* id, int rank, const char*) {
  auto* comm = new FakeComm;  // kept for good
  comm->mesh.name = id->bytes;
  comm->mesh.rank = rank;
  comm->mesh.size = size;
  *handle = comm;
  meet(*comm);
  return comm::kNcclInProgress;
}

int comm_split(NcclComm handle, int color, int key, NcclComm* part, const char*) {
  FakeComm& comm = comm_of(handle);
  check_usable(comm, "split");
  {
    const std::lock_guard lock(comm.mutex);
    if (comm.num_outstanding > 0)
      fake_fault(base::text(comm.mesh.name, ": split while ", comm.num_outstanding, " calls are under way"));
    comm.meeting = true;  // until the ranks have told each other their colours
  }
  const int number = ++comm.num_splits;
  FakeComm* made = color < 0 ? nullptr : new FakeComm;
  if (made != nullptr) *part = made;
  std::vector<std::int64_t> orders;
  for (int peer = 0; peer < comm.mesh.size; ++peer)
    orders.push_back(peer == comm.mesh.rank ? 0 : next_pair_order(comm.mesh, peer));
  const Frame frame{.kind = FrameKind::split, .sequence = ++comm.sequence};
  std::thread([&comm, made, color, key, number, frame, orders] {
    const std::int64_t own[2] = {color, key};
    const std::vector<char> rows =
        gather(comm.mesh, frame, orders, own, sizeof own,
               std::vector<std::size_t>(static_cast<std::size_t>(comm.mesh.size), sizeof own));
    std::vector<std::pair<std::int64_t, int>> members;
    for (int peer = 0; peer < comm.mesh.size; ++peer) {
      std::int64_t theirs[2];
      std::memcpy(theirs, rows.data() + sizeof theirs * static_cast<std::size_t>(peer), sizeof theirs);
      if (theirs[0] == color) members.emplace_back(theirs[1], peer);
    }
    std::ranges::sort(members);
    if (made != nullptr && !comm.mesh.aborted) {
      made->mesh.name = base::text(comm.mesh.name, "/", number, ".", color);
      made->mesh.size = static_cast<int>(members.size());
      for (int i = 0; i < made->mesh.size; ++i)
        if (members[i].second == comm.mesh.rank) made->mesh.rank = i;
      meet(*made);
    }
    const std::lock_guard lock(comm.mutex);
    comm.meeting = false;
  }).detach();
  return comm::kNcclInProgress;
}

int comm_async_error(NcclComm handle, int* state) {
  FakeComm& comm = comm_of(handle);
  const std::lock_guard lock(comm.mutex);
  if (comm.closed == "aborted" || comm.closed == "destroyed")
    fake_fault(base::text(comm.mesh.name, ": comm_async_error after the communicator was ", comm.closed));
  const bool finalizing = comm.closed == "finalized" && comm.num_outstanding > 0;
  *state = comm.mesh.peer_lost                                             ? comm::kNcclRemoteError
           : comm.meeting || finalizing || base::steady_s() < comm.taken_s ? comm::kNcclInProgress
                                                                           : comm::kNcclSuccess;
  return comm::kNcclSuccess;
}

int comm_finalize(NcclComm handle) {
  FakeComm& comm = comm_of(handle);
  check_usable(comm, "finalize");
  const std::lock_guard lock(comm.mutex);
  comm.closed = "finalized";
  return comm::kNcclInProgress;
}

int comm_destroy(NcclComm handle) {
  FakeComm& comm = comm_of(handle);
  const std::lock_guard lock(comm.mutex);
  if (comm.closed != "finalized" || comm.num_outstanding > 0)
    fake_fault(base::text(comm.mesh.name, ": destroyed before it was finalized"));
  comm.closed = "destroyed";
  return comm::kNcclSuccess;
}

int comm_abort(NcclComm handle) {
  FakeComm& comm = comm_of(handle);
  {
    const std::lock_guard lock(comm.mutex);
    if (comm.closed == "aborted" || comm.closed == "destroyed")
      fake_fault(base::text(comm.mesh.name, ": abort after the communicator was ", comm.closed));
    comm.closed = "aborted";
  }
  comm.mesh.aborted = true;
  comm.mesh.shut_down();
  return comm::kNcclSuccess;
}

Operation collective(FrameKind kind, const void* from, void* to, std::size_t count, int type, int detail) {
  return {.frame = {.kind = kind, .type = type, .detail = detail, .count = static_cast<std::int64_t>(count)},
          .from = from,
          .to = to};
}

Operation message(const void* from, void* to, std::size_t count, int type, int peer, bool is_send) {
  return {.frame = {.kind = FrameKind::message, .type = type, .count = static_cast<std::int64_t>(count)},
          .from = from,
          .to = to,
          .peer = peer,
          .is_send = is_send};
}

comm::NcclApi make_table() {
  comm::NcclApi api;
  api.version = [](int* version) { return *version = 22809, 0; };
  api.unique_id = [](comm::NcclUniqueId* id) {
    std::snprintf(id->bytes, sizeof id->bytes, "stand-in-%s", base::random_hex(8).c_str());
    return 0;
  };
  api.comm_init = comm_init;
  api.comm_split = comm_split;
  api.comm_async_error = comm_async_error;
  api.comm_finalize = comm_finalize;
  api.comm_destroy = comm_destroy;
  api.comm_abort = comm_abort;
  api.group_start = [] { return ++library().group_depth, 0; };
  api.group_end = group_end;
  api.all_reduce = [](const void* from, void* to, std::size_t count, int type, int op, NcclComm comm,
                      StreamHandle stream) {
    return call(comm, stream, collective(FrameKind::all_reduce, from, to, count, type, op));
  };
  api.all_gather = [](const void* from, void* to, std::size_t count, int type, NcclComm comm, StreamHandle stream) {
    return call(comm, stream, collective(FrameKind::all_gather, from, to, count, type, 0));
  };
  api.reduce_scatter = [](const void* from, void* to, std::size_t count, int type, int op, NcclComm comm,
                          StreamHandle stream) {
    return call(comm, stream, collective(FrameKind::reduce_scatter, from, to, count, type, op));
  };
  api.broadcast = [](const void* from, void* to, std::size_t count, int type, int root, NcclComm comm,
                     StreamHandle stream) {
    return call(comm, stream, collective(FrameKind::broadcast, from, to, count, type, root));
  };
  api.send = [](const void* from, std::size_t count, int type, int peer, NcclComm comm, StreamHandle stream) {
    return call(comm, stream, message(from, nullptr, count, type, peer, true));
  };
  api.receive = [](void* to, std::size_t count, int type, int peer, NcclComm comm, StreamHandle stream) {
    return call(comm, stream, message(nullptr, to, count, type, peer, false));
  };
  api.error_text = [](int code) {
    return code == comm::kNcclRemoteError ? "remote process exited" : "an error of the stand-in";
  };
  api.last_error = [](NcclComm) { return "no more is known"; };
  return api;
}

}  // namespace

const comm::NcclApi& fake_nccl() {
  static const comm::NcclApi api = make_table();
  return api;
}

}  // namespace muster::tests

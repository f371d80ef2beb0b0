#include "tests/support/fake_nccl_transfers.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "runtime/comm/nccl_api.h"
#include "tests/support/fake_cuda.h"

namespace muster::tests {
namespace {

std::size_t size_of(int type) {
  constexpr std::size_t sizes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};
  return sizes[type];
}

at::ScalarType scalar_type(int type) {
  switch (type) {
    case comm::kNcclInt8:
      return at::kChar;
    case comm::kNcclInt32:
      return at::kInt;
    case comm::kNcclInt64:
      return at::kLong;
    case comm::kNcclFloat16:
      return at::kHalf;
    case comm::kNcclFloat32:
      return at::kFloat;
    case comm::kNcclFloat64:
      return at::kDouble;
    case comm::kNcclBfloat16:
      return at::kBFloat16;
    default:
      return at::kByte;
  }
}

at::Tensor view(const void* bytes, std::int64_t count, int type) {
  return at::from_blob(const_cast<void*>(bytes), {count}, at::TensorOptions(scalar_type(type)));
}

void reduce(at::Tensor output, const std::vector<char>& rows, std::size_t offset, int size, std::int64_t count,
            int type, int op) {
  const std::size_t row = rows.size() / static_cast<std::size_t>(size);
  const at::ScalarType wide = at::isFloatingType(output.scalar_type()) ? at::kDouble : at::kLong;
  at::Tensor sum = view(rows.data() + offset, count, type).to(wide, false, true);
  for (int rank = 1; rank < size; ++rank) {
    const at::Tensor term = view(rows.data() + row * static_cast<std::size_t>(rank) + offset, count, type).to(wide);
    if (op == comm::kNcclSum)
      sum.add_(term);
    else if (op == comm::kNcclMax)
      sum = at::max(sum, term);
    else
      sum = at::min(sum, term);
  }
  output.copy_(sum);
}

}  // namespace

std::vector<char> gather(Mesh& mesh, const Frame& frame, const std::vector<std::int64_t>& orders, const void* from,
                         std::size_t bytes, const std::vector<std::size_t>& bytes_of_peer) {
  const std::size_t row = *std::max_element(bytes_of_peer.begin(), bytes_of_peer.end());
  std::vector<char> rows(row * static_cast<std::size_t>(mesh.size));
  std::vector<std::deque<Outgoing>> out(static_cast<std::size_t>(mesh.size));
  std::vector<std::deque<Expected>> in(out.size());
  for (std::size_t peer = 0; peer < out.size(); ++peer) {
    char* to = rows.data() + row * peer;
    if (static_cast<int>(peer) == mesh.rank) {
      std::memcpy(to, from, bytes);
      continue;
    }
    Frame own = frame;
    own.pair_order = orders[peer];
    own.bytes = static_cast<std::int64_t>(bytes);
    out[peer].push_back({own, from});
    Frame theirs = own;
    theirs.bytes = static_cast<std::int64_t>(bytes_of_peer[peer]);
    in[peer].push_back({theirs, to});
  }
  mesh.exchange(std::move(out), std::move(in));
  return rows;
}

void run_collective(Mesh& mesh, const Operation& operation, const std::vector<std::int64_t>& orders) {
  const Frame& frame = operation.frame;
  const auto count = static_cast<std::size_t>(frame.count);
  const auto size = static_cast<std::size_t>(mesh.size);
  const std::size_t element = size_of(frame.type);
  std::size_t bytes = count * element;
  std::vector<std::size_t> bytes_of_peer(size, bytes);
  if (frame.kind == FrameKind::reduce_scatter) bytes *= size, bytes_of_peer.assign(size, bytes);
  if (frame.kind == FrameKind::broadcast) {
    if (mesh.rank != frame.detail) bytes = 0;
    for (std::size_t peer = 0; peer < size; ++peer)
      if (static_cast<int>(peer) != frame.detail) bytes_of_peer[peer] = 0;
  }
  const std::vector<char> rows = gather(mesh, frame, orders, operation.from, bytes, bytes_of_peer);
  fake_delay(kCompletesLate_us);
  if (mesh.aborted) return;
  const std::size_t row = rows.size() / size;
  switch (frame.kind) {
    case FrameKind::all_gather:
      std::memcpy(operation.to, rows.data(), rows.size());
      return;
    case FrameKind::broadcast:
      std::memcpy(operation.to, rows.data() + row * static_cast<std::size_t>(frame.detail), row);
      return;
    case FrameKind::all_reduce:
      return reduce(view(operation.to, frame.count, frame.type), rows, 0, mesh.size, frame.count, frame.type,
                    frame.detail);
    default:
      return reduce(view(operation.to, frame.count, frame.type), rows,
                    count * element * static_cast<std::size_t>(mesh.rank), mesh.size, frame.count, frame.type,
                    frame.detail);
  }
}

void run_messages(Mesh& mesh, const std::vector<Operation>& operations, const std::map<int, std::int64_t>& orders) {
  std::vector<std::deque<Outgoing>> out(static_cast<std::size_t>(mesh.size));
  std::vector<std::deque<Expected>> in(out.size());
  // Received beside, and copied when late: what looks too early sees the old bytes.
  std::vector<std::vector<char>> received(operations.size());
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Operation& operation = operations[i];
    const auto peer = static_cast<std::size_t>(operation.peer);
    Frame frame = operation.frame;
    frame.pair_order = orders.at(operation.peer);
    frame.bytes = frame.count * static_cast<std::int64_t>(size_of(frame.type));
    if (operation.is_send) {
      out[peer].push_back({frame, operation.from});
    } else {
      received[i].resize(static_cast<std::size_t>(frame.bytes));
      in[peer].push_back({frame, received[i].data()});
    }
  }
  mesh.exchange(std::move(out), std::move(in));
  fake_delay(kCompletesLate_us);
  if (mesh.aborted) return;
  for (std::size_t i = 0; i < operations.size(); ++i)
    if (!operations[i].is_send) std::memcpy(operations[i].to, received[i].data(), received[i].size());
}

}  // namespace muster::tests

// Two gathers: how many bytes each rank has, then the bytes, padded to the most of them.
#include "runtime/comm/gather_bytes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "runtime/comm/communicator.h"

namespace muster::comm {

std::vector<std::vector<std::uint8_t>> all_gather_bytes(Communicator& comm, const std::vector<std::uint8_t>& own,
                                                        const char* label) {
  const auto size = static_cast<std::size_t>(comm.size());
  at::Tensor lengths = at::empty({comm.size()}, at::kLong);
  const at::Tensor length = at::full({1}, std::ssize(own), at::kLong);
  comm.all_gather(lengths, length, label);
  const std::int64_t longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  at::Tensor padded = at::zeros({longest}, at::kByte);
  if (!own.empty()) std::memcpy(padded.data_ptr(), own.data(), own.size());
  at::Tensor all = at::empty({static_cast<std::int64_t>(size) * longest}, at::kByte);
  comm.all_gather(all, padded, label);
  std::vector<std::vector<std::uint8_t>> gathered(size);
  const auto* bytes = all.data_ptr<std::uint8_t>();
  for (std::size_t r = 0; r < size; ++r) {
    const std::uint8_t* begin = bytes + r * static_cast<std::size_t>(longest);
    gathered[r].assign(begin, begin + lengths.data_ptr<std::int64_t>()[r]);
  }
  return gathered;
}

}  // namespace muster::comm

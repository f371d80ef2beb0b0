#include "runtime/loop/offloader.h"

#include <ATen/ATen.h>

#include <utility>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/ops/memory_tracking.h"

namespace muster::loop {
namespace {

c10::StorageImpl& storage_of(const at::Tensor& tensor) { return *tensor.storage().unsafeGetStorageImpl(); }

}  // namespace

void Offloader::add(spec::MemoryOwner owner, const at::Tensor& whole) {
  if (!whole.defined() || level_ == spec::OffloadLevel::none) return;
  INVARIANT(whole.is_contiguous() && whole.storage().nbytes() == whole.nbytes(), "the tensor is all of its storage");
  buffers_.push_back({.owner = owner, .whole = whole, .on_host = {}});
}

bool Offloader::enter(spec::Phase phase) {
  const base::Stopwatch watch;
  const auto is_wanted = [&](const Buffer& buffer) {
    return spec::is_on_device(buffer.owner, phase, level_, aliases_);
  };
  bool moved = false;
  for (Buffer& buffer : buffers_) {
    if (!buffer.is_on_device || is_wanted(buffer)) continue;
    offload(buffer);
    moved = true;
  }
  for (Buffer& buffer : buffers_) {
    if (buffer.is_on_device || !is_wanted(buffer)) continue;
    load(buffer);
    moved = true;
  }
  stats_.seconds += watch.elapsed_s();
  return moved;
}

void Offloader::offload(Buffer& buffer) {
  const at::Tensor& whole = buffer.whole;
  if (!spec::is_given_back(buffer.owner) && !whole.is_meta()) {
    if (!buffer.on_host.defined())
      buffer.on_host = at::empty(whole.sizes(), whole.options().device(at::kCPU).pinned_memory(whole.is_cuda()));
    buffer.on_host.copy_(whole.detach(), true);
    stats_.bytes += static_cast<std::int64_t>(whole.nbytes());
  }
  storage_of(whole).set_data_ptr_noswap(at::DataPtr(nullptr, whole.device()));
  buffer.is_on_device = false;
}

void Offloader::load(Buffer& buffer) {
  const ops::Owner owner(buffer.owner);
  c10::StorageImpl& storage = storage_of(buffer.whole);
  storage.set_data_ptr_noswap(storage.allocator()->allocate(storage.nbytes()));
  buffer.is_on_device = true;
  if (!buffer.on_host.defined()) return;
  buffer.whole.detach().copy_(buffer.on_host, true);
  stats_.bytes += static_cast<std::int64_t>(buffer.whole.nbytes());
}

OffloadStats Offloader::take_offload_stats() { return std::exchange(stats_, {}); }

}  // namespace muster::loop

#include "runtime/loop/residence.h"

#include <ATen/ATen.h>

#include <utility>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/ops/memory_tracking.h"

namespace muster::loop {
namespace {

c10::StorageImpl& storage_of(const at::Tensor& tensor) { return *tensor.storage().unsafeGetStorageImpl(); }

}  // namespace

void Residence::add(spec::MemoryOwner owner, const at::Tensor& whole) {
  if (!whole.defined() || moves_ == spec::Moves::none) return;
  INVARIANT(whole.is_contiguous() && whole.storage().nbytes() == whole.nbytes(), "the tensor is all of its storage");
  guests_.push_back({.owner = owner, .whole = whole, .on_host = {}});
}

bool Residence::enter(spec::Phase phase) {
  const base::Stopwatch watch;
  const auto is_wanted = [&](const Guest& guest) { return spec::is_on_device(guest.owner, phase, moves_, aliases_); };
  bool moved = false;
  for (Guest& guest : guests_) {
    if (!guest.is_here || is_wanted(guest)) continue;
    leave(guest);
    moved = true;
  }
  for (Guest& guest : guests_) {
    if (guest.is_here || !is_wanted(guest)) continue;
    come(guest);
    moved = true;
  }
  moved_.seconds += watch.elapsed_s();
  return moved;
}

void Residence::leave(Guest& guest) {
  const at::Tensor& whole = guest.whole;
  if (!spec::is_given_back(guest.owner) && !whole.is_meta()) {
    if (!guest.on_host.defined())
      guest.on_host = at::empty(whole.sizes(), whole.options().device(at::kCPU).pinned_memory(whole.is_cuda()));
    guest.on_host.copy_(whole.detach(), true);
    moved_.bytes += static_cast<std::int64_t>(whole.nbytes());
  }
  storage_of(whole).set_data_ptr_noswap(at::DataPtr(nullptr, whole.device()));
  guest.is_here = false;
}

void Residence::come(Guest& guest) {
  const ops::Owner owner(guest.owner);
  c10::StorageImpl& storage = storage_of(guest.whole);
  storage.set_data_ptr_noswap(storage.allocator()->allocate(storage.nbytes()));
  guest.is_here = true;
  if (!guest.on_host.defined()) return;
  guest.whole.detach().copy_(guest.on_host, true);
  moved_.bytes += static_cast<std::int64_t>(guest.whole.nbytes());
}

Residence::Moved Residence::take_moved() { return std::exchange(moved_, {}); }

}  // namespace muster::loop

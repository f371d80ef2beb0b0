#include "runtime/ops/memory_tracking.h"

#include <c10/core/Allocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <cstring>
#include <mutex>
#include <new>

namespace muster::ops {
namespace {

using spec::MemoryFigures;
using spec::MemoryOwner;

thread_local MemoryOwner current_owner = MemoryOwner::activations;

/// Tensors may be freed by another thread (a checkpoint being written).
struct Tracker {
  std::mutex mutex;
  MemoryFigures held, at_peak;
  std::int64_t total = 0, most = 0;

  void add(MemoryOwner owner, std::int64_t bytes) {
    const std::lock_guard lock(mutex);
    held.of(owner) += bytes;
    total += bytes;
    if (total <= most) return;
    most = total;
    at_peak = held;
  }
};

Tracker& tracker(TrackedDevice kind) {
  static Tracker cpu, meta;
  return kind == TrackedDevice::cpu ? cpu : meta;
}

/// Stands before the data of a tensor on the CPU, whose address alone must tell (libraries below ATen keep no context).
struct alignas(64) Block {
  Tracker* tracker;
  std::int64_t bytes;
  MemoryOwner owner;
};

void close(const Block& block) { block.tracker->add(block.owner, -block.bytes); }

void give_back_cpu(void* data) {
  Block* const block = static_cast<Block*>(data) - 1;
  close(*block);
  c10::free_cpu(block);
}
void give_back_meta(void* block) {
  close(*static_cast<Block*>(block));
  delete static_cast<Block*>(block);
}

Block opened(TrackedDevice kind, std::size_t size) {
  const Block block{&tracker(kind), static_cast<std::int64_t>(size), current_owner};
  block.tracker->add(block.owner, block.bytes);
  return block;
}

class CpuBookKeeper final : public c10::Allocator {
 public:
  at::DataPtr allocate(std::size_t size) override {
    if (size == 0) return {nullptr, at::Device(at::kCPU)};
    auto* const block = static_cast<Block*>(c10::alloc_cpu(size + sizeof(Block)));
    new (block) Block(opened(TrackedDevice::cpu, size));
    return {block + 1, block + 1, &give_back_cpu, at::Device(at::kCPU)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &give_back_cpu; }
  void copy_data(void* to, const void* from, std::size_t count) const override { std::memcpy(to, from, count); }
};

class MetaBookKeeper final : public c10::Allocator {
 public:
  at::DataPtr allocate(std::size_t size) override {
    return {nullptr, new Block(opened(TrackedDevice::meta, size)), &give_back_meta, at::Device(at::kMeta)};
  }
  void copy_data(void*, const void*, std::size_t) const override {}
};

}  // namespace

void track_memory(TrackedDevice kind) {
  static CpuBookKeeper cpu;
  static MetaBookKeeper meta;
  constexpr std::uint8_t kPriority = 100;
  if (kind == TrackedDevice::cpu)
    c10::SetAllocator(at::kCPU, &cpu, kPriority);
  else
    c10::SetAllocator(at::kMeta, &meta, kPriority);
}

MemoryFigures held(TrackedDevice kind) {
  const std::lock_guard lock(tracker(kind).mutex);
  return tracker(kind).held;
}

MemoryFigures peak_bytes(TrackedDevice kind) {
  const std::lock_guard lock(tracker(kind).mutex);
  return tracker(kind).at_peak;
}

void begin_peak(TrackedDevice kind) {
  Tracker& kept = tracker(kind);
  const std::lock_guard lock(kept.mutex);
  kept.most = kept.total;
  kept.at_peak = kept.held;
}

Owner::Owner(MemoryOwner owner) : before_(current_owner) { current_owner = owner; }
Owner::~Owner() { current_owner = before_; }

}  // namespace muster::ops

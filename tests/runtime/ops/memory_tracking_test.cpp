#include "runtime/ops/memory_tracking.h"

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <gtest/gtest.h>

#include <thread>

namespace muster::ops {
namespace {

using spec::MemoryOwner;

TEST(Books, CountWhatIsHeldByOwnerAndRememberThePeak) {
  for (const TrackedDevice kind : {TrackedDevice::cpu, TrackedDevice::meta}) {
    track_memory(kind);
    const at::Device device(kind == TrackedDevice::cpu ? at::kCPU : at::kMeta);
    const auto floats = [&](std::int64_t count) { return at::empty({count}, at::TensorOptions().device(device)); };
    const std::int64_t before = held(kind).of(MemoryOwner::activations);
    begin_peak(kind);
    at::Tensor weights;
    {
      const Owner owner(MemoryOwner::weights);
      weights = floats(100);
      const Owner inner(MemoryOwner::logits);
      at::Tensor logits = floats(1000);
      EXPECT_EQ(held(kind).of(MemoryOwner::logits), 4000);
    }
    EXPECT_EQ(held(kind).of(MemoryOwner::logits), 0);
    at::Tensor other = floats(10);
    EXPECT_EQ(held(kind).of(MemoryOwner::activations), before + 40);
    EXPECT_EQ(held(kind).of(MemoryOwner::weights), 400);
    EXPECT_EQ(peak_bytes(kind).of(MemoryOwner::weights), 400);
    EXPECT_EQ(peak_bytes(kind).of(MemoryOwner::logits), 4000);
    EXPECT_EQ(peak_bytes(kind).of(MemoryOwner::activations), before);
    begin_peak(kind);
    EXPECT_EQ(peak_bytes(kind).of(MemoryOwner::logits), 0);
    EXPECT_EQ(peak_bytes(kind).of(MemoryOwner::activations), before + 40);
    const at::Tensor view = weights.narrow(0, 0, 50);
    EXPECT_EQ(held(kind).of(MemoryOwner::weights), 400) << "a view holds nothing of its own";
  }
}

TEST(Books, LibrariesBelowAtenTakeMemoryByItsAddress) {
  track_memory(TrackedDevice::cpu);
  const std::int64_t before = held(TrackedDevice::cpu).total();
  c10::Allocator& allocator = *c10::GetAllocator(at::kCPU);
  void* const data = allocator.raw_allocate(1000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0u);
  EXPECT_EQ(held(TrackedDevice::cpu).total(), before + 1000);
  allocator.raw_deallocate(data);
  EXPECT_EQ(held(TrackedDevice::cpu).total(), before);
  const at::Tensor a = at::ones({64, 64}, at::kBFloat16);  // a product in bfloat16 is one of oneDNN's
  EXPECT_EQ(at::mm(a, a).to(at::kFloat).sum().item<float>(), 64.0F * 64 * 64);
}

TEST(Books, AnotherThreadMayFree) {
  track_memory(TrackedDevice::cpu);
  const std::int64_t before = held(TrackedDevice::cpu).total();
  at::Tensor tensor = at::full({1000}, 2.0, at::kFloat);
  EXPECT_EQ(held(TrackedDevice::cpu).total(), before + 4000);
  std::thread([moved = std::move(tensor)]() mutable { moved = at::Tensor(); }).join();
  EXPECT_EQ(held(TrackedDevice::cpu).total(), before);
}

}  // namespace
}  // namespace muster::ops

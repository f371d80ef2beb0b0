#include "runtime/loop/offloader.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/ops/memory_tracking.h"

namespace muster::loop {
namespace {

using spec::MemoryOwner;
using spec::Phase;

/// Something of each kind, of 1,000 floats, with its owner tracked.
struct Guests {
  explicit Guests(Offloader& offloader) {
    ops::track_memory(ops::TrackedDevice::cpu);
    for (const MemoryOwner owner :
         {MemoryOwner::weights, MemoryOwner::gen_weights, MemoryOwner::reference_weights, MemoryOwner::main_weights,
          MemoryOwner::moments, MemoryOwner::gradients, MemoryOwner::kv_pages}) {
      const ops::Owner owning(owner);
      tensors[owner] = at::full({1000}, static_cast<double>(tensors.size() + 1), at::kFloat);
      offloader.add(owner, tensors[owner]);
    }
  }
  static bool is_held(MemoryOwner owner) { return ops::held(ops::TrackedDevice::cpu).of(owner) > 0; }
  std::map<MemoryOwner, at::Tensor> tensors;
};

TEST(Offloader, WhereNothingMovesAllStays) {
  Offloader offloader(spec::OffloadLevel::none, false);
  const Guests guests(offloader);
  for (const Phase phase : {Phase::generate, Phase::logprob, Phase::train, Phase::refit}) {
    offloader.enter(phase);
    for (const auto& [owner, tensor] : guests.tensors) EXPECT_TRUE(Guests::is_held(owner));
  }
  EXPECT_EQ(offloader.take_offload_stats().bytes, 0);
}

TEST(Offloader, EachPhaseHoldsWhatThePlanSays) {
  for (const spec::OffloadLevel moves :
       {spec::OffloadLevel::pages, spec::OffloadLevel::state, spec::OffloadLevel::weights}) {
    Offloader offloader(moves, false);
    const Guests guests(offloader);
    for (const Phase phase : {Phase::load, Phase::refit, Phase::generate, Phase::logprob, Phase::train, Phase::refit,
                              Phase::checkpoint, Phase::generate}) {
      offloader.enter(phase);
      for (const auto& [owner, tensor] : guests.tensors)
        EXPECT_EQ(Guests::is_held(owner), spec::is_on_device(owner, phase, moves, false))
            << spec::memory_owner_name(owner) << " in " << spec::phase_name(phase);
    }
  }
}

TEST(Offloader, WhatWaitsOnTheHostComesBackAsItWas) {
  Offloader offloader(spec::OffloadLevel::weights, false);
  Guests guests(offloader);
  const at::Tensor window = guests.tensors[MemoryOwner::moments].narrow(0, 10, 5);
  offloader.enter(Phase::generate);
  EXPECT_EQ(offloader.take_offload_stats().bytes, 4 * 4000);  // weights, reference, main weights, moments
  offloader.enter(Phase::train);
  EXPECT_EQ(offloader.take_offload_stats().bytes, 3 * 4000);
  window.add_(1);
  offloader.enter(Phase::generate);
  offloader.enter(Phase::train);
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::weights], at::full({1000}, 1.0)));
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::main_weights], at::full({1000}, 4.0)));
  EXPECT_TRUE(at::equal(window, at::full({5}, 6.0)));
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::moments].narrow(0, 15, 985), at::full({985}, 5.0)));
  offloader.enter(Phase::logprob);
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::reference_weights], at::full({1000}, 3.0)));
}

TEST(Offloader, AGeneratorThatReadsTheTrainersWeightsKeepsThem) {
  Offloader offloader(spec::OffloadLevel::weights, true);
  const Guests guests(offloader);
  offloader.enter(Phase::generate);
  EXPECT_TRUE(Guests::is_held(MemoryOwner::weights));
}

}  // namespace
}  // namespace muster::loop

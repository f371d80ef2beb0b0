#include "runtime/loop/residence.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/ops/memory_tracking.h"

namespace muster::loop {
namespace {

using spec::MemoryOwner;
using spec::Phase;

/// Something of each kind, of 1,000 floats, with its owner tracked.
struct Guests {
  explicit Guests(Residence& residence) {
    ops::track_memory(ops::TrackedDevice::cpu);
    for (const MemoryOwner owner :
         {MemoryOwner::weights, MemoryOwner::gen_weights, MemoryOwner::reference_weights, MemoryOwner::main_weights,
          MemoryOwner::moments, MemoryOwner::gradients, MemoryOwner::kv_pages}) {
      const ops::Owner owning(owner);
      tensors[owner] = at::full({1000}, static_cast<double>(tensors.size() + 1), at::kFloat);
      residence.add(owner, tensors[owner]);
    }
  }
  static bool is_held(MemoryOwner owner) { return ops::held(ops::TrackedDevice::cpu).of(owner) > 0; }
  std::map<MemoryOwner, at::Tensor> tensors;
};

TEST(Residence, WhereNothingMovesAllStays) {
  Residence residence(spec::Moves::none, false);
  const Guests guests(residence);
  for (const Phase phase : {Phase::generate, Phase::logprob, Phase::train, Phase::refit}) {
    residence.enter(phase);
    for (const auto& [owner, tensor] : guests.tensors) EXPECT_TRUE(Guests::is_held(owner));
  }
  EXPECT_EQ(residence.take_moved().bytes, 0);
}

TEST(Residence, EachPhaseHoldsWhatThePlanSays) {
  for (const spec::Moves moves : {spec::Moves::pages, spec::Moves::state, spec::Moves::weights}) {
    Residence residence(moves, false);
    const Guests guests(residence);
    for (const Phase phase : {Phase::load, Phase::refit, Phase::generate, Phase::logprob, Phase::train, Phase::refit,
                              Phase::checkpoint, Phase::generate}) {
      residence.enter(phase);
      for (const auto& [owner, tensor] : guests.tensors)
        EXPECT_EQ(Guests::is_held(owner), spec::is_on_device(owner, phase, moves, false))
            << spec::memory_owner_name(owner) << " in " << spec::phase_name(phase);
    }
  }
}

TEST(Residence, WhatWaitsOnTheHostComesBackAsItWas) {
  Residence residence(spec::Moves::weights, false);
  Guests guests(residence);
  const at::Tensor window = guests.tensors[MemoryOwner::moments].narrow(0, 10, 5);
  residence.enter(Phase::generate);
  EXPECT_EQ(residence.take_moved().bytes, 4 * 4000);  // weights, reference, main weights, moments
  residence.enter(Phase::train);
  EXPECT_EQ(residence.take_moved().bytes, 3 * 4000);
  window.add_(1);
  residence.enter(Phase::generate);
  residence.enter(Phase::train);
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::weights], at::full({1000}, 1.0)));
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::main_weights], at::full({1000}, 4.0)));
  EXPECT_TRUE(at::equal(window, at::full({5}, 6.0)));
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::moments].narrow(0, 15, 985), at::full({985}, 5.0)));
  residence.enter(Phase::logprob);
  EXPECT_TRUE(at::equal(guests.tensors[MemoryOwner::reference_weights], at::full({1000}, 3.0)));
}

TEST(Residence, AGeneratorThatReadsTheTrainersWeightsKeepsThem) {
  Residence residence(spec::Moves::weights, true);
  const Guests guests(residence);
  residence.enter(Phase::generate);
  EXPECT_TRUE(Guests::is_held(MemoryOwner::weights));
}

}  // namespace
}  // namespace muster::loop

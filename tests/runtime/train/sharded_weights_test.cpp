// Units of FSDP on the asynchronous stand-in of NCCL: the next one is on its way while one is used, and is read behind
// its event.
#include "runtime/train/sharded_weights.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "runtime/weights/model_folder.h"
#include "tests/runtime/comm/nccl_rank.h"
#include "tests/support/small_facts.h"

namespace muster::train {
namespace {

using tests::Gpu;
using tests::RankContext;

constexpr const char* kTooEarly = "a unit was read before it was there";
device::StreamHandle compute_stream = nullptr;
bool waits_are_lost = false;
int waits_of_compute = 0;

/// Tensors of these tests lie on the host, whose operations are on no stream: a wait of the compute stream is one of
/// the host here, so what is read without it is read too early.
device::CudaApi host_as_compute() {
  device::CudaApi cuda = tests::fake_cuda();
  cuda.stream_wait_event = [](device::StreamHandle stream, device::EventHandle event) {
    if (stream != compute_stream) return tests::fake_cuda().stream_wait_event(stream, event);
    ++waits_of_compute;
    return waits_are_lost ? 0 : tests::fake_cuda().event_synchronize(event);
  };
  return cuda;
}

/// A forward and the units that it shows. Tells how many are not what one rank has; `each`: after a unit has begun.
int wrong_units(RankContext& rank, bool loses_waits, const std::function<void(model::Unit)>& each = {}) {
  device::CudaApi cuda = host_as_compute();
  Gpu gpu(cuda);
  compute_stream = gpu.compute();
  parallel::Mesh mesh(tests::make_world(rank, gpu), {.dp = rank.size, .fsdp = 1}, "train");
  const spec::ModelFacts facts = tests::small_facts(spec::Family::qwen3, false);
  const auto filled = [&](const spec::Degrees& degrees, const spec::Coordinates& place) {
    weights::ShardStore store(weights::shards_of(facts, degrees, place), at::kFloat, at::kCPU);
    weights::fill_random(store, 3, 0.3);
    return store;
  };
  const weights::ShardStore own = filled(mesh.degrees(), mesh.coordinates()), whole = filled({}, {});
  ShardedWeights sharded(facts, mesh, own, nullptr);
  int wrong = 0;
  waits_are_lost = loses_waits;
  const at::NoGradGuard no_grad;
  for (model::Unit unit = 0; unit <= facts.num_layers + 1; ++unit) {
    waits_of_compute = 0;
    sharded.begin_forward(unit);
    if (each) each(unit);
    bool is_right = true;
    for (const weights::Shard& shard : sharded.values(unit).shards())
      is_right =
          is_right && at::equal(sharded.values(unit).view(shard.parameter.name), whole.view(shard.parameter.name));
    wrong += is_right ? 0 : 1;
    if (!is_right && loses_waits) {
      std::printf("%s\n", kTooEarly);
      std::fflush(stdout);
    }
    sharded.end_forward(unit);
  }
  waits_are_lost = false;
  gpu.wait();
  mesh.close();
  return wrong;
}

TEST(ShardedWeights, EveryUnitIsWholeWhenItIsUsed) {
  tests::run_ranks(2,
                   [](RankContext& rank) {
                     EXPECT_EQ(wrong_units(rank, false,
                                           [](model::Unit unit) {
                                             EXPECT_EQ(waits_of_compute, 1)
                                                 << "unit " << unit << ": only for its own rows, not for the next's";
                                           }),
                               0);
                   },
                   {.make_world = false});
}

TEST(ShardedWeights, WithoutTheEventAUnitIsReadTooEarly) {
  bool found = false;
  for (const tests::RankEnd& end : tests::ends_of_ranks(2,
                                                        [](RankContext& rank) {
                                                          tests::fake_slow_down(20);
                                                          wrong_units(rank, true);
                                                        },
                                                        {.make_world = false}))
    found = found || end.output.find(kTooEarly) != std::string::npos;  // however the rank ended after it
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace muster::train

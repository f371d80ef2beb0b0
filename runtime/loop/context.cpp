#include "runtime/loop/context.h"

namespace muster::loop {

void make_meshes(RankContext& context) {
  const auto mesh_of = [&](const char* name, const std::optional<std::int64_t>& role_rank,
                           const spec::Degrees& degrees) -> std::unique_ptr<parallel::Mesh> {
    auto role = context.world->split(role_rank ? 1 : 0, static_cast<int>(role_rank.value_or(0)), name);
    return role_rank
               ? std::make_unique<parallel::Mesh>(std::move(role), degrees, name, context.plan.model.num_experts > 0)
               : nullptr;
  };
  context.train = mesh_of("train", context.self.train_rank, context.plan.train);
  context.generate = mesh_of("generate", context.self.gen_rank, context.plan.generate);
}

}  // namespace muster::loop

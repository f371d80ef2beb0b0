#include <algorithm>
#include <cmath>
#include <numbers>

#include "runtime/base/error.h"
#include "runtime/train/trainer.h"

namespace muster::train {

double learning_rate(const spec::OptimizerJob& optimizer, std::int64_t step, std::int64_t total_steps) {
  if (step < optimizer.warmup_steps)
    return optimizer.lr * static_cast<double>(step + 1) / static_cast<double>(optimizer.warmup_steps);
  const auto span = static_cast<double>(std::max<std::int64_t>(total_steps - optimizer.warmup_steps, 1));
  const double done = std::clamp(static_cast<double>(step - optimizer.warmup_steps) / span, 0.0, 1.0);
  switch (optimizer.schedule) {
    case spec::Schedule::constant:
      return optimizer.lr;
    case spec::Schedule::linear:
      return optimizer.lr + (optimizer.min_lr - optimizer.lr) * done;
    case spec::Schedule::cosine:
      return optimizer.min_lr + (optimizer.lr - optimizer.min_lr) * (1 + std::cos(std::numbers::pi * done)) / 2;
  }
  INVARIANT(false, "every schedule is listed");
}

}  // namespace muster::train

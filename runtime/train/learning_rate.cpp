#include <algorithm>
#include <cmath>
#include <numbers>

#include "runtime/base/error.h"
#include "runtime/train/trainer.h"

namespace muster::train {

double learning_rate(const spec::OptimizerJob& optimizer, std::int64_t step, std::int64_t total_steps) {
  const auto warmup = static_cast<double>(optimizer.warmup_steps);
  if (step < optimizer.warmup_steps) {
    const double from = optimizer.warmup_init_lr;
    const double done = static_cast<double>(from > 0 ? step : step + 1) / warmup;  // step 1 takes what is given for it
    return from + (optimizer.lr - from) * done;
  }
  const std::int64_t end = optimizer.decay_steps > 0 ? optimizer.decay_steps : total_steps;
  const double span = std::max(static_cast<double>(end) - warmup, 1.0);
  const double done = std::clamp((static_cast<double>(step) - warmup) / span, 0.0, 1.0);
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

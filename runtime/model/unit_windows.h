// The weights of one unit, and where their gradients go, by their Hugging Face names.
#pragma once

#include <string>

#include "runtime/model/weight_source.h"
#include "runtime/ops/param.h"

namespace muster::model {

class UnitWindows {
 public:
  /// Borrows the stores of the source.
  UnitWindows(const WeightSource& source, Unit unit)
      : values_(source.values(unit)), gradients_(source.gradients(unit)) {}
  /// Finds one parameter: this rank's box of it.
  ops::Param one(const std::string& name) const {
    return {values_.view(name), gradients_ ? gradients_->view(name) : at::Tensor()};
  }
  /// Finds neighbours from `first` to `last` as one matrix, stacked along their rows.
  ops::Param rows(const std::string& first, const std::string& last) const {
    return {values_.fused(first, last), gradients_ ? gradients_->fused(first, last) : at::Tensor()};
  }

 private:
  const weights::ShardStore& values_;
  const weights::ShardStore* gradients_;
};

}  // namespace muster::model

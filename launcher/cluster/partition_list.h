// A job may name several partitions, "batch,short": Slurm starts it in the first that is free.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/text.h"

namespace muster::cluster {

/// Returns those of `list` in its order ("": Slurm's default one). Names that are not there go to `unknown`.
template <class Partition>
std::vector<const Partition*> chosen_partitions(const std::string& list, const std::vector<Partition>& all,
                                                std::vector<std::string>& unknown) {
  std::vector<const Partition*> chosen;
  for (const std::string& name : base::split(list, ',')) {
    const Partition* found = nullptr;
    for (const Partition& one : all)
      if (name.empty() ? list.empty() && one.is_default : one.name == name) found = &one;
    if (found != nullptr) chosen.push_back(found);
    if (found == nullptr && !name.empty()) unknown.push_back(name);
  }
  return chosen;
}

}  // namespace muster::cluster

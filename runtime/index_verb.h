// `muster-runtime index --plan PLAN`: makes the indexes of a run's data, before its ranks start.
#pragma once

#include <string>
#include <vector>

namespace muster {

/// Speaks to stderr: progress, and what was found in each source. Says nothing when every index is there.
/// throws: Error::user when too many rows are refused.
int index_data(const std::vector<std::string>& words);

}  // namespace muster

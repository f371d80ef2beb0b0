// What ranks warned of, for verbs whose logs go with their folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::node {

/// The sentences of the warnings in a rank's log, each once, without time, rank and room.
std::vector<std::string> warnings_in(std::string_view log);

}  // namespace muster::node

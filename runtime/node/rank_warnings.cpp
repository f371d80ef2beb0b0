// Warnings in the lines that log::Console writes: "time warning rank 0 room: sentence".
#include "runtime/node/rank_warnings.h"

#include <algorithm>

namespace muster::node {

std::vector<std::string> warnings_in(std::string_view log) {
  constexpr std::string_view kMark = " warning rank ";
  std::vector<std::string> found;
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size());
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(std::min(end + 1, log.size()));
    const std::size_t mark = line.find(kMark);
    if (mark == std::string_view::npos || line.find(' ') != mark) continue;  // only the time stands before it
    const std::size_t colon = line.find(": ", mark);
    if (colon == std::string_view::npos) continue;
    std::string sentence(line.substr(colon + 2));
    if (std::find(found.begin(), found.end(), sentence) == found.end()) found.push_back(std::move(sentence));
  }
  return found;
}

}  // namespace muster::node

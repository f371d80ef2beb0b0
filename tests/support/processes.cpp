#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/support/small_plan.h"

namespace muster::tests {

std::vector<pid_t> processes_with(const std::string& word) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos || std::stoi(name) == ::getpid()) continue;
    for (const char* file : {"cmdline", "environ"}) {
      std::ostringstream content;
      content << std::ifstream(entry.path() / file).rdbuf();
      if (content.str().find(word) == std::string::npos) continue;
      found.push_back(std::stoi(name));
      break;
    }
  }
  return found;
}

}  // namespace muster::tests

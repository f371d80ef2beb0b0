#include "tests/support/sysfs_tree.h"

#include <cstdlib>
#include <fstream>

#include "runtime/base/cpu_list.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::tests {
namespace fs = std::filesystem;
namespace {

/// Every "{}" and "{+N}" of `text` as a number.
std::string numbered(std::string text, int number) {
  for (std::size_t open = 0; (open = text.find('{')) != std::string::npos;) {
    const std::size_t close = text.find('}', open);
    const std::string offset = text.substr(open + 1, close - open - 1);
    text.replace(open, close - open + 1, std::to_string(number + (offset.empty() ? 0 : std::stoi(offset))));
  }
  return text;
}

void make(const fs::path& path, const std::string& kind, const std::string& value) {
  fs::create_directories(path.parent_path());
  if (kind == "->") {
    fs::create_symlink(value, path);
  } else {
    std::ofstream(path) << value << "\n";
  }
}

}  // namespace

SysfsTree::SysfsTree(const std::string& recording) {
  std::string name =
      (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / "muster_sysfs_XXXXXX";
  path_ = ::mkdtemp(name.data());
  for (const std::string& line : base::split(recording, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t space = line.find(' ');
    const std::size_t next = line.find(' ', space + 1);
    INVARIANT(next != std::string::npos, "a line of a recording is PATH = CONTENT or PATH -> TARGET: " + line);
    const std::string path = line.substr(0, space);
    const std::string kind = line.substr(space + 1, next - space - 1);
    const std::string value = line.substr(next + 1);
    const std::size_t open = path.find('{');
    if (open == std::string::npos) {
      make(path_ / path, kind, value);
      continue;
    }
    const std::size_t close = path.find('}');
    const auto numbers = base::parse_cpu_list(path.substr(open + 1, close - open - 1));
    INVARIANT(numbers, "a list of numbers stands in the braces: " + line);
    for (const int number : *numbers)
      make(path_ / (path.substr(0, open) + std::to_string(number) + path.substr(close + 1)), kind,
           numbered(value, number));
  }
}

SysfsTree::~SysfsTree() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace muster::tests

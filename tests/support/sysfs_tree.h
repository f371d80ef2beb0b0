// Trees of /sys, kept as one small text each under tests/golden/sysfs and laid out in a folder while a test runs.
#pragma once

#include <filesystem>
#include <string>

namespace muster::tests {

/// Lines of `recording`: "PATH = CONTENT" or "PATH -> TARGET" (a symbolic link). "{0-3}" in a path stands for that
/// list, and in the content of its line "{}" for the number and "{+112}" for that number and 112.
class SysfsTree {
 public:
  /// In memory where the machine has such a folder: a tree is some hundred files.
  explicit SysfsTree(const std::string& recording);
  ~SysfsTree();
  SysfsTree(const SysfsTree&) = delete;
  SysfsTree& operator=(const SysfsTree&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace muster::tests

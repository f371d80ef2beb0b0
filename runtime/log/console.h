// The console of a rank, for people: `time level rank room: sentence key=value`. The writer rank speaks at info, every
// rank at warning.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace muster::log {

class Console {
 public:
  using Values = std::vector<std::pair<std::string, std::string>>;
  Console(std::int64_t rank, bool speaks) : rank_(rank), speaks_(speaks) {}
  void info(const std::string& room, const std::string& sentence, const Values& values = {}) const;
  void warn(const std::string& room, const std::string& sentence, const Values& values = {}) const;

 private:
  void write(const char* level, const std::string& room, const std::string& sentence, const Values& values) const;
  std::int64_t rank_;
  bool speaks_;
};

}  // namespace muster::log

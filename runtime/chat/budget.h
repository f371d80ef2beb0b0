// What one rendering may cost: a template is text of anybody, and ends in bounded time and memory.
#pragma once

#include <cstdint>

namespace muster::chat {

class Budget {
 public:
  static constexpr std::int64_t kSteps = 20'000'000;      // values looked at; about a second
  static constexpr std::int64_t kBytes = 256 << 20;       // made in all, freed or not
  static constexpr std::int64_t kOutputBytes = 64 << 20;  // of the text
  static constexpr std::int64_t kDepth = 400;             // of blocks, calls and expressions within another
  static constexpr std::int64_t kValueDepth = 200;        // of lists within lists
  static constexpr std::int64_t kTemplateBytes = 1 << 20;

  /// Both throw: Error::user when the budget is used up.
  void steps(std::int64_t count = 1);
  void bytes(std::int64_t count);

 private:
  std::int64_t steps_ = 0, bytes_ = 0;
};

}  // namespace muster::chat

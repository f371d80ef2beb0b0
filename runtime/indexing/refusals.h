// What is wrong with the rows of a source, gathered while they are read and said once: each fault with its first place
// and how many rows have it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::indexing {

/// Rows that are wrong in one way; `row` is the first of them.
struct RowFault {
  std::string what;
  std::size_t row = 0;
  std::int64_t rows = 0;
};

/// The faults of a part of a source, in the order of their first rows.
class RowFaults {
 public:
  void add(std::size_t row, std::string what);
  /// Those of the part that follows, whose rows are numbered from `first_row` on.
  void append(const RowFaults& next, std::size_t first_row);
  const std::vector<RowFault>& list() const { return faults_; }

 private:
  std::vector<RowFault> faults_;
};

/// Lines that go beyond ASCII, and those of them that are not UTF-8.
struct EncodingFigures {
  std::int64_t beyond_ascii = 0, wrong = 0;
  std::size_t first_row = 0;  // of the wrong ones
  std::string text;           // some of them

  void add(std::size_t row, std::string_view line);
  void append(const EncodingFigures& next, std::size_t first_row);
  /// Are there more wrong ones than right ones? Then this is no file of UTF-8 with a few broken rows.
  bool is_other() const { return wrong * 2 > beyond_ascii; }
};

/// Lengths of prompts in tokens: the longest, and that which 95 of 100 do not exceed.
struct PromptLengths {
  std::int64_t longest = 0, p95 = 0;
  std::size_t longest_row = 0;
};
/// `tokens`: of each row, below 0 where no prompt can be made.
PromptLengths lengths_of(const std::vector<std::int32_t>& tokens);

}  // namespace muster::indexing

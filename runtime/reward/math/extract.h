// Where the answer stands in what a model wrote, after Math-Verify's order: "final answer is ... I hope", then "final
// answer ... is" and boxes, then what follows "answer:", then "answer", then the last formula or number; within one of
// these the one that ends last.
#pragma once

#include <string>
#include <string_view>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

struct Extracted {
  Expr value;          // null: nothing could be read
  std::string text;    // of the first place looked at, cleaned; empty: there was no place
  bool whole = false;  // the place looked at is the whole text
};

/// Looks at the last kMaxAnswerBytes only.
Extracted extract_answer(std::string_view text);
/// A gold answer: the same, but LaTeX that stands there bare, without $ or box, is read as a whole.
Extracted extract_gold(std::string_view text);

constexpr std::size_t kMaxAnswerBytes = 128 << 10;

}  // namespace muster::reward::math

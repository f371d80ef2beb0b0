// Where the answer stands in what a model wrote, after Math-Verify's order: "final answer is ... I hope", then "final
// answer ... is" and boxes, then ####, then what follows "answer:", then "answer", then the last formula or number;
// within one of these the one that ends last. Behind "answer" and as the whole text a formula may stand without signs
// around it: pi/2, 3x + 2. A box that the text takes back before it gives another answer does not count.
#pragma once

#include <string>
#include <string_view>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

struct Extracted {
  Expr value;                // null: nothing could be read
  std::string text;          // of the first place looked at, cleaned; empty: there was no place
  bool whole = false;        // the place looked at is the whole text
  std::string unit = {};     // a known unit that stood behind it
  bool is_question = false;  // a sum that stands alone
  char label = '\0';         // the letter of a choice that stood before it
};

/// Looks at the last kMaxAnswerBytes only.
Extracted extract_answer(std::string_view text);
/// A gold answer: the same, but LaTeX that stands there bare, without $ or box, is read as a whole.
Extracted extract_gold(std::string_view text);

constexpr std::size_t kMaxAnswerBytes = 128 << 10;

}  // namespace muster::reward::math

// Answers that a model puts into boxes.
#pragma once

#include <string>
#include <string_view>

namespace muster::reward::math {

enum class Boxes {
  all,   // every box of the text
  last,  // the last one, with those before it that belong to it: close by, or joined by "and", "or", a comma
};

/// Whether a text takes back what stood before it: "no, that is wrong".
bool takes_back(std::string_view text);

/// What stands in the \boxed{...} and \fbox{...} of `text`, joined by commas; a box that is never closed reaches to the
/// end. Empty ones and places for an answer
/// (\boxed{...}) do not count. The text itself where there is no box.
std::string boxed_content(std::string_view text, Boxes which);

}  // namespace muster::reward::math

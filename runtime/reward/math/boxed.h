// Answers that a model puts into boxes.
#pragma once

#include <string>
#include <string_view>

namespace muster::reward::math {

enum class Boxes {
  all,   // every box of the text
  last,  // the last one, with those before it that belong to it: close by, or joined by "and", "or", a comma
};

/// What stands in the \boxed{...} and \fbox{...} of `text`, joined by commas; a box that is never closed reaches to the
/// end. The text itself where there is no box.
std::string boxed_content(std::string_view text, Boxes which);

}  // namespace muster::reward::math

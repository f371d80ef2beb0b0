// What has no meaning in an answer and is taken off before anything is looked for: Markdown's emphasis, type faces and
// colours of LaTeX, escaped dollars; Unicode's signs become the LaTeX that stands for them.
#pragma once

#include <string>
#include <string_view>

namespace muster::reward::math {

/// A text or a formula; what stands in it keeps its order. Time is linear in the text.
std::string undressed(std::string_view text);

/// The characters of a UTF-8 text.
std::size_t num_characters(std::string_view text);

}  // namespace muster::reward::math

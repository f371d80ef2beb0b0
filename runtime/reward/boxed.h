// The answer that a model puts into a box.
#pragma once

#include <optional>
#include <string_view>

namespace muster::reward {

/// What stands in the last \boxed{...} (or \fbox{...}) that is closed, braces balanced; none when there is none.
std::optional<std::string_view> last_boxed(std::string_view text);

}  // namespace muster::reward

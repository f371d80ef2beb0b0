// What a person presses, from the bytes that a terminal sends for it.
#pragma once

#include <string>
#include <vector>

namespace muster::watch {

enum class Key { up, down, left, right, enter, back, leave };

/// The keys in what was read at once; a lone escape is `back`, what has no meaning is passed over.
std::vector<Key> parse_keys(const std::string& bytes);

}  // namespace muster::watch

// The letter that an answer to a multiple-choice question chose.
#pragma once

#include <optional>
#include <string_view>

namespace muster::reward {

/// In upper case. Looked for in this order: in the last box; behind the last "answer is", "answer:" or "choose"; as the
/// whole answer or the beginning of it ("B", "(B)", "B. Paris"); as the last line.
std::optional<char> chosen_letter(std::string_view answer);

}  // namespace muster::reward

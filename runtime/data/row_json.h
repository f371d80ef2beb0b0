// One line of a data file as JSON, strictly: text of anybody.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace muster::data {

/// The row as an object. Numbers that are no 64-bit integers are the text that stands in the line, so that
/// 18446744073709551616, 1e-7 and 0.10 stay what they are. throws: Error::user without a place (no UTF-8, no JSON, no
/// object, nested deeper than base::kDeepestJson).
nlohmann::json parse_row(const std::string& line);

}  // namespace muster::data

// JSON objects in, JSON objects out, one a line: how the verbs that judge or convert many things are fed.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace muster::base {

/// The deepest nesting of arrays and objects in a JSON text; what walks over a document recursively needs a limit.
std::int64_t json_depth(std::string_view text);
/// One object from text of anybody. throws: Error::user (no JSON, no object, arrays and objects nested deeper than
/// 200).
nlohmann::ordered_json parse_json_object(const std::string& text);

/// Reads objects from `input`, hands each to `answer` and writes what that returns to `output`, in order; "-" is
/// standard input and output. A member "id" of the object is put first into its answer. Blank lines are passed over; a
/// line of more than 64 MiB, one that is no JSON object and one that `answer` refuses (Error::user) have no answer.
/// throws: Error::user, when all lines are read, holding those refused with "file:line" (the first 20, and how many
/// more); at once when a file cannot be read or written.
void filter_json_lines(const std::string& input, const std::string& output,
                       const std::function<nlohmann::ordered_json(const nlohmann::ordered_json&)>& answer);

}  // namespace muster::base

// JSON objects in, JSON objects out, one a line: how the verbs that judge or convert many things are fed.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace muster::base {

/// One object from text of anybody. throws: Error::user (no JSON, no object, nested deeper than kDeepestJson).
nlohmann::ordered_json parse_json_object(const std::string& text);

/// Reads objects from `input`, hands each to `answer` and writes what that returns to `output`, in order; "-" is
/// standard input and output. A member "id" of the object is put first into its answer. Blank lines are passed over; a
/// line of more than 64 MiB, one that is no JSON object and one that `answer` refuses (Error::user) have no answer.
/// throws: Error::user, when all lines are read, holding those refused with "file:line" (the first 20, and how many
/// more); at once when a file cannot be read or written.
void filter_json_lines(const std::string& input, const std::string& output,
                       const std::function<nlohmann::ordered_json(const nlohmann::ordered_json&)>& answer);

}  // namespace muster::base

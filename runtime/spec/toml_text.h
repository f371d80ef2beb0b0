// The one writer of TOML: a tree of JSON values as text. Objects become tables, lists of objects become one inline
// table a line.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace muster::spec {

/// A TOML basic string with its quotes.
std::string toml_quoted(std::string_view value);
/// One scalar, list or inline table. Numbers come back equal when read.
std::string toml_value(const nlohmann::ordered_json& value);
/// The document of an object: its plain keys first, then a [table] for each object within. Nulls are left out.
std::string toml_text(const nlohmann::ordered_json& object);

}  // namespace muster::spec

// Keys and fields as pages for people, at most 100 columns wide. Pure.
#pragma once

#include <string>
#include <vector>

#include "runtime/spec/step_record.h"
#include "runtime/spec/toml_reader.h"

namespace muster::keys {

/// Every key with type, unit, default and meaning, a table at a time.
std::string keys_page(const std::vector<spec::KeyInfo>& keys);
/// Every field of a line of `file` with unit and meaning.
std::string step_fields_page(const std::vector<spec::FieldInfo>& fields, const std::string& file = "steps.jsonl");

}  // namespace muster::keys

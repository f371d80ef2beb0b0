#include "runtime/data/prompt_template.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::data {
namespace {

using nlohmann::json;

const json* step_into(const json& value, const std::string& key) {
  if (value.is_object()) {
    const auto found = value.find(key);
    return found == value.end() ? nullptr : &*found;
  }
  if (!value.is_array() || key.empty() || key.size() > 6 || key.find_first_not_of("0123456789") != std::string::npos)
    return nullptr;
  const std::size_t index = std::stoul(key);
  return index < value.size() ? &value[index] : nullptr;
}

const json* find(const json& row, const std::string& name) {
  if (const json* whole = step_into(row, name)) return whole;
  const json* at = &row;
  for (const std::string& key : base::split(name, '.')) {
    at = step_into(*at, key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

}  // namespace

PromptTemplate PromptTemplate::parse(const std::string& text, const std::string& where) {
  PromptTemplate made;
  std::string literal;
  const auto fail = [&](std::size_t at, const std::string& what) {
    throw Error::user({.what = base::text(what, " at byte ", at + 1, " of '", text, "'"),
                       .where = where,
                       .fix = "fields are written {name}; a brace itself is doubled: {{ or }}"});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
    if ((text[i] == '{' || text[i] == '}') && doubled) {
      literal += text[i++];
    } else if (text[i] == '{') {
      const std::size_t end = text.find_first_of("{}", i + 1);
      if (end == std::string::npos || text[end] != '}') fail(i, "a field is not closed");
      if (end == i + 1) fail(i, "a field has no name");
      if (!literal.empty()) made.parts_.emplace_back(std::exchange(literal, {}));
      made.parts_.emplace_back(Field{text.substr(i + 1, end - i - 1)});
      i = end;
    } else if (text[i] == '}') {
      fail(i, "a brace closes nothing");
    } else {
      literal += text[i];
    }
  }
  if (!literal.empty()) made.parts_.emplace_back(std::move(literal));
  return made;
}

void PromptTemplate::rename(const std::string& name, const std::string& path) {
  for (auto& part : parts_)
    if (auto* field = std::get_if<Field>(&part); field != nullptr && field->name == name && !path.empty())
      field->name = path;
}

std::vector<std::string> PromptTemplate::fields() const {
  std::vector<std::string> names;
  for (const auto& part : parts_)
    if (const auto* field = std::get_if<Field>(&part)) names.push_back(field->name);
  return names;
}

std::string PromptTemplate::filled(const json& row) const {
  std::string out;
  for (const auto& part : parts_) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      out += *literal;
      continue;
    }
    const std::string& name = std::get<Field>(part).name;
    const json* value = find(row, name);
    if (value == nullptr) throw Error::user({.what = "field '" + name + "' is missing"});
    if (value->is_string())
      out += value->get_ref<const std::string&>();
    else if (value->is_number())
      out += value->dump();
    else
      throw Error::user({.what = base::text("field '", name, "' is neither text nor number but ", value->type_name())});
  }
  return out;
}

}  // namespace muster::data

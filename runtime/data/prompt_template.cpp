#include "runtime/data/prompt_template.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/field_path.h"

namespace muster::data {

PromptTemplate PromptTemplate::parse(const std::string& text, const std::string& where) {
  PromptTemplate made;
  made.parts_ = spec::parse_row_template(text, where);
  return made;
}

void PromptTemplate::rename(const std::string& name, const std::string& path) {
  for (spec::TemplatePart& part : parts_)
    if (part.is_field && part.text == name && !path.empty()) part.text = path;
}

std::vector<std::string> PromptTemplate::fields() const {
  std::vector<std::string> names;
  for (const spec::TemplatePart& part : parts_)
    if (part.is_field) names.push_back(part.text);
  return names;
}

std::string PromptTemplate::filled(const nlohmann::json& row) const {
  std::string out;
  for (const spec::TemplatePart& part : parts_) {
    if (!part.is_field) {
      out += part.text;
      continue;
    }
    const nlohmann::json* value = find_field(row, part.text);
    if (value == nullptr) throw Error::user({.what = missing_field_text(row, part.text)});
    if (value->is_string())
      out += value->get_ref<const std::string&>();
    else if (value->is_number())
      out += value->dump();
    else
      throw Error::user(
          {.what = base::text("field '", part.text, "' is neither text nor number but ", value->type_name())});
  }
  return out;
}

}  // namespace muster::data

// A template over the fields of a row, filled: "What is {a} + {b}?". Its form is spec's (row_template.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/spec/row_template.h"

namespace muster::data {

class PromptTemplate {
 public:
  /// `where` is the key that holds it ("data.prompt"). throws: Error::user, as spec::parse_row_template.
  static PromptTemplate parse(const std::string& text, const std::string& where);
  /// Text as it is, numbers as the row writes them. A name is a key of the row, or a path of keys and indices:
  /// "prompt.0.content". throws: Error::user naming the field that is missing, or is neither text nor number.
  std::string filled(const nlohmann::json& row) const;
  /// Each field called `name` is `path` from now on; an empty path changes nothing.
  void rename(const std::string& name, const std::string& path);
  std::vector<std::string> fields() const;

 private:
  std::vector<spec::TemplatePart> parts_;
};

}  // namespace muster::data

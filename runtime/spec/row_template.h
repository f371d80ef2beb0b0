// The templates of data.prompt and data.answer: "What is {a} + {b}?". Their form is checked with the job, before there
// is a row.
#pragma once

#include <string>
#include <vector>

namespace muster::spec {

/// A part of a template is text as it stands, or the name of a field.
struct TemplatePart {
  std::string text;
  bool is_field = false;
  bool operator==(const TemplatePart&) const = default;
};

/// Fields are written {name}; doubled braces stand for one, and empty ones, {}, for themselves. `where` is the key that
/// holds the template. throws: Error::user (a brace that is not closed; braces of LaTeX or JSON that are not doubled).
std::vector<TemplatePart> parse_row_template(const std::string& text, const std::string& where);

}  // namespace muster::spec

// Braces have two meanings in a prompt: a field, and LaTeX or JSON as they stand. What cannot be a field's name is
// refused with the way to write it, so that a typing error does not wait for the first row.
#include "runtime/spec/row_template.h"

#include <cctype>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::spec {
namespace {

constexpr const char* kBracesFix = "fields are written {name}; a brace itself is doubled: {{ or }}";

/// "\boxed" where the text before a brace ends with it, "^" of an exponent, or "".
std::string latex_before(const std::string& text, std::size_t brace) {
  if (brace > 0 && text[brace - 1] == '^') return "^";
  std::size_t begin = brace;
  while (begin > 0 && std::isalpha(static_cast<unsigned char>(text[begin - 1])) != 0) --begin;
  if (begin == brace || begin == 0 || text[begin - 1] != '\\') return "";
  return text.substr(begin - 1, brace - begin + 1);
}

bool can_be_a_name(const std::string& name) {
  if (std::isspace(static_cast<unsigned char>(name.front())) != 0 ||
      std::isspace(static_cast<unsigned char>(name.back())) != 0 || name.find_first_of("\"\\\n\t") != std::string::npos)
    return false;
  for (const std::string& key : base::split(name, '.'))
    if (key.empty()) return false;
  return true;
}

class Reader {
 public:
  Reader(const std::string& text, const std::string& where) : text_(text), where_(where) {}

  std::vector<TemplatePart> parts() {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const char c = text_[i];
      const bool doubled = i + 1 < text_.size() && text_[i + 1] == c;
      if ((c == '{' || c == '}') && doubled) {
        literal_ += c;
        ++i;
      } else if (c == '{') {
        i = take_field(i);
      } else if (c == '}') {
        fail(i, "a brace closes nothing");
      } else {
        literal_ += c;
      }
    }
    end_literal();
    return std::move(parts_);
  }

 private:
  /// Returns where the field ends.
  std::size_t take_field(std::size_t begin) {
    const std::size_t end = text_.find_first_of("{}", begin + 1);
    if (end == std::string::npos || text_[end] != '}') fail(begin, "a field is not closed");
    const std::string name = text_.substr(begin + 1, end - begin - 1);
    if (name.empty()) {
      literal_ += "{}";
      return end;
    }
    const std::string latex = latex_before(text_, begin);
    if (!latex.empty())
      fail(begin, base::text("'", latex, "{", name, "}' is LaTeX or a field"),
           base::text("write ", latex, "{{", name, "}} for LaTeX, ", latex, "{{{", name,
                      "}}} for the field in its braces"));
    if (!can_be_a_name(name))
      fail(begin, base::text("'{", name, "}' cannot be a field"),
           base::text("write {{", name, "}} where the braces themselves are meant; fields are written {name}"));
    end_literal();
    parts_.push_back({name, true});
    return end;
  }

  void end_literal() {
    if (!literal_.empty()) parts_.push_back({std::exchange(literal_, {}), false});
  }

  [[noreturn]] void fail(std::size_t at, const std::string& what, const std::string& fix = kBracesFix) const {
    throw Error::user(
        {.what = base::text(what, " at byte ", at + 1, " of '", text_, "'"), .where = where_, .fix = fix});
  }

  const std::string& text_;
  const std::string& where_;
  std::string literal_;
  std::vector<TemplatePart> parts_;
};

}  // namespace

std::vector<TemplatePart> parse_row_template(const std::string& text, const std::string& where) {
  return Reader(text, where).parts();
}

}  // namespace muster::spec

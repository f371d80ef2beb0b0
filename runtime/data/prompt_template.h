// A template over the fields of a row: "What is {a} + {b}?"; doubled braces stand for themselves.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace muster::data {

class PromptTemplate {
 public:
  /// `where` is the key that holds it ("data.prompt"). throws: Error::user (a brace that is not closed, an empty name).
  static PromptTemplate parse(const std::string& text, const std::string& where);
  /// Text as it is, numbers as JSON writes them. A name is a key of the row, or a path of keys and indices:
  /// "prompt.0.content". throws: Error::user naming the field that is missing, or is neither text nor number.
  std::string filled(const nlohmann::json& row) const;
  /// Each field called `name` is `path` from now on; an empty path changes nothing.
  void rename(const std::string& name, const std::string& path);
  std::vector<std::string> fields() const;

 private:
  struct Field {
    std::string name;
  };
  std::vector<std::variant<std::string, Field>> parts_;
};

}  // namespace muster::data

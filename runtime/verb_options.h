// The words after a verb of muster-runtime: pairs of "--name value".
#pragma once

#include <charconv>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster {

class VerbOptions {
 public:
  /// `words[0]` is the verb. throws: Error::user (a name that is not in `known`, twice, or without a value).
  VerbOptions(const std::vector<std::string>& words, const std::vector<std::string>& known);

  bool has(const std::string& name) const { return values_.contains(name); }
  /// throws: Error::user when it was not given.
  const std::string& at(const std::string& name) const;
  /// throws: Error::user when it is no number.
  template <class Number>
  Number number(const std::string& name) const {
    const std::string& word = at(name);
    Number number{};
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (code != std::errc() || end != word.data() + word.size())
      throw Error::user({.what = base::text("--", name, " ", word, ": a number is expected")});
    return number;
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace muster

#include "runtime/verb_options.h"

#include <algorithm>

namespace muster {

VerbOptions::VerbOptions(const std::vector<std::string>& words, const std::vector<std::string>& known) {
  for (std::size_t i = 1; i < words.size(); i += 2) {
    const std::string name = words[i].starts_with("--") ? words[i].substr(2) : "";
    if (std::find(known.begin(), known.end(), name) == known.end() || i + 1 >= words.size())
      throw Error::user({.what = base::text("cannot read '", words[i], "' after '", words[0], "'"),
                         .fix = base::text("--", base::join(known, ", --"), ", each with a value")});
    if (!values_.emplace(name, words[i + 1]).second)
      throw Error::user({.what = base::text("--", name, " is there twice")});
  }
}

const std::string& VerbOptions::at(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Error::user({.what = base::text("--", name, " is missing")});
  return found->second;
}

}  // namespace muster

// Which C++ type takes what of a flag's values.
#include "launcher/cli/flags.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::cli {

using base::text;

std::int64_t whole_number(const std::string& flag, const std::string& typed) {
  if (typed.size() > 9 || typed.find_first_not_of("0123456789") != std::string::npos)
    throw Error::user({.what = text("--", flag, " ", typed), .fix = "must be a whole number from 0"});
  return std::stoll(typed);
}

void Flags::add(const std::string& name, const std::string& meaning, bool& field) {
  list_.push_back({name, "", meaning, [&field](const std::vector<std::string>&) { field = true; }});
}

void Flags::add(const std::string& name, const std::string& value, const std::string& meaning,
                std::vector<std::string>& field) {
  add_list(name, value, meaning, [&field](const std::vector<std::string>& values) { field = values; });
}

void Flags::add_list(const std::string& name, const std::string& value, const std::string& meaning,
                     std::function<void(const std::vector<std::string>&)> take) {
  list_.push_back({name, value, meaning, std::move(take)});
}

void Flags::add(const std::string& name, const std::string& value, const std::string& meaning,
                std::function<void(const std::string&)> take) {
  Flag flag{name, value, meaning, {}};
  flag.fill = [take = std::move(take), word = flag.long_name()](const std::vector<std::string>& values) {
    if (values.size() > 1)
      throw Error::user({.what = text("--", word, " is given ", values.size(), " times"), .fix = "give it once"});
    take(values.front());
  };
  list_.push_back(std::move(flag));
}

void Flags::add(const std::string& name, const std::string& value, const std::string& meaning, std::string& field) {
  add(name, value, meaning, [&field](const std::string& typed) { field = typed; });
}

void Flags::add(const std::string& name, const std::string& value, const std::string& meaning,
                std::filesystem::path& field) {
  add(name, value, meaning, [&field](const std::string& typed) { field = typed; });
}

void Flags::add(const std::string& name, const std::string& value, const std::string& meaning,
                std::optional<std::int64_t>& field) {
  const std::string word = name.substr(0, name.find(','));
  add(name, value, meaning, [&field, word](const std::string& typed) {
    if (!typed.empty()) field = whole_number(word, typed);
  });
}

}  // namespace muster::cli

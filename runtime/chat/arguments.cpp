#include "runtime/chat/arguments.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::chat {

std::vector<const Value*> Arguments::bound(const std::string& what, std::initializer_list<const char*> parameters,
                                           std::size_t least) const {
  const auto fail = [&](const std::string& why) { throw Error::user({.what = what + " " + why}); };
  std::vector<const Value*> values(parameters.size(), nullptr);
  if (positional.size() > values.size())
    fail(base::text("takes no more than ", values.size(), " arguments, not ", positional.size()));
  for (std::size_t i = 0; i < positional.size(); ++i) values[i] = &positional[i];
  for (const auto& [name, value] : named) {
    const auto found = std::find(parameters.begin(), parameters.end(), name);
    if (found == parameters.end()) fail("takes no argument '" + name + "'");
    const Value*& place = values[found - parameters.begin()];
    if (place) fail("is given '" + name + "' twice");
    place = &value;
  }
  for (std::size_t i = 0; i < least; ++i)
    if (!values[i]) fail(base::text("needs an argument '", *(parameters.begin() + i), "'"));
  return values;
}

std::string text_argument(const Value* value, const std::string& otherwise) {
  if (!value) return otherwise;
  if (const std::string* text = value->as_text()) return *text;
  throw Error::user({.what = base::text("an argument has to be text, not ", value->type_name())});
}

std::int64_t whole_argument(const Value* value, std::int64_t otherwise) {
  if (!value) return otherwise;
  if (value->is_whole()) return value->whole();
  throw Error::user({.what = base::text("an argument has to be a whole number, not ", value->type_name())});
}

bool truth_argument(const Value* value, bool otherwise) { return value ? value->truth() : otherwise; }

}  // namespace muster::chat

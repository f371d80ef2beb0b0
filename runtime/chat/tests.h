// value is test(...).
#pragma once

#include <string>

#include "runtime/chat/arguments.h"

namespace muster::chat {

bool is_test(const std::string& name);
/// `name` is one of them. throws: Error::user.
bool passes(const std::string& name, const Value& value, const Arguments& arguments, Budget& budget);

}  // namespace muster::chat

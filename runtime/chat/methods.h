// Methods of texts, lists and dicts. None changes its value: those of Python that do are refused.
#pragma once

#include <string>

#include "runtime/chat/arguments.h"
#include "runtime/chat/value.h"

namespace muster::chat {

bool has_method(const Value& value, const std::string& name);
/// throws: Error::user (no such method, arguments that it does not take).
Value call_method(const Value& value, const std::string& name, const Arguments& arguments, Budget& budget);

}  // namespace muster::chat

// + - * / // % ** on values, as Python does them; whole numbers have 64 bits, and an error where these do not suffice.
#pragma once

#include <string>

#include "runtime/chat/value.h"

namespace muster::chat {

/// throws: Error::user.
Value arithmetic(const std::string& sign, const Value& left, const Value& right, Budget& budget);
Value negative(const Value& value);

}  // namespace muster::chat

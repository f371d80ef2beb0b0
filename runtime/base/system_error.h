// What the system refused somewhere below, as a sentence for people: a path that is too long, a folder that was
// removed, no memory. None of it is a defect of ours.
#pragma once

#include <exception>

#include "runtime/base/error.h"

namespace muster::base {

/// The Error that this exception is, or stands for: Error::user with the path for a filesystem_error, and for
/// bad_alloc; Error::defect for what nobody expected.
Error error_of(const std::exception& exception);

}  // namespace muster::base

// Files of a run folder that grow: opened without following a link that somebody planted there.
#pragma once

#include <filesystem>

#include "runtime/base/files.h"

namespace muster::base {

/// Opens or makes a file for writing; never a file that a symbolic link of that name points to (a device is none: who
/// wants no samples may link them to /dev/null). `flags` are added to O_CREAT and O_CLOEXEC. throws: Error::user.
Descriptor open_for_writing(const std::filesystem::path& path, int flags);

}  // namespace muster::base

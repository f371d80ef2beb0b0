// gzip and zstd files, unpacked piece by piece.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runtime/data/rows.h"

namespace muster::indexing {

/// Hands the content of a packed file on, in pieces; several members or frames one behind the other are one content.
/// throws: Error::user naming the file (damaged, cut off, unpacks to more than anybody packs).
void unpack(const std::string& path, data::FileKind kind, const std::function<void(std::string_view)>& take);

}  // namespace muster::indexing

// SHA-256: what files are named and checked by.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace muster::base {

/// In lower-case hex, 64 characters.
std::string sha256_of(std::string_view content);
/// Of a whole file, read in pieces. throws: Error::user naming the path when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace muster::base

// What a file seems to be that should hold JSON lines and does not: said instead of the parser's first complaint.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::indexing {

struct OtherFormat {
  std::string seems;     // "UTF-16 (little endian)", "one JSON array"
  std::string fix;       // how to make JSON lines of it; FILE stands for its name
  bool is_sure = false;  // else only where no row can be read
};

/// From the beginning of a file; none where it looks like JSON lines.
std::optional<OtherFormat> other_format(std::string_view begin);
/// Its fix for this file.
std::string fix_for(const OtherFormat& other, const std::string& path);
/// The refusal of a file that is not JSON lines. throws: Error::user.
[[noreturn]] void refuse_format(const OtherFormat& other, const std::string& path);
/// Of text that is not UTF-8, by some of its lines: "Latin-1 or Windows-1252", "GBK or another ...".
OtherFormat encoding_of(std::string_view text);

}  // namespace muster::indexing

// JSON lines: one object a line, appended and flushed, so that a killed writer loses one line at most.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/files.h"

namespace muster::base {

class JsonLinesWriter {
 public:
  /// Opens for appending; a half line that a killed writer left at the end is cut off. throws: Error::user.
  explicit JsonLinesWriter(const std::filesystem::path& path);
  /// throws: Error::user (no space); what was written of the line is taken back, so that the file stays whole lines.
  void append(const nlohmann::ordered_json& object);
  /// What was appended is on the disk afterwards, and the file's name too. throws: Error::user.
  void sync();

 private:
  [[noreturn]] void fail(const std::string& action, int code) const;

  std::filesystem::path path_;
  Descriptor file_;
  bool is_named_ = false;  // its folder is on the disk with its name
};

/// Reads what is complete; `offset` moves past the lines taken, so that a growing file can be followed.
/// throws: Error::user with file and line when a complete line is no JSON.
std::vector<nlohmann::ordered_json> read_json_lines(const std::filesystem::path& path, std::int64_t& offset);
/// As above, but a complete line that is no JSON is named in `broken` and passed over: for views, which show what there
/// is.
std::vector<nlohmann::ordered_json> read_json_lines(const std::filesystem::path& path, std::int64_t& offset,
                                                    std::vector<Fault>& broken);
std::vector<nlohmann::ordered_json> read_json_lines(const std::filesystem::path& path);

}  // namespace muster::base

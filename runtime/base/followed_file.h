// A text file that grows, read in bounded memory however large it is: logs and records behind their writers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace muster::base {

class FollowedFile {
 public:
  using Use = std::function<void(std::string_view)>;
  static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

  /// Begins at byte `offset`. The file need not be there yet. Of a line of more than `longest_line` bytes the rest is
  /// dropped.
  explicit FollowedFile(std::filesystem::path path, std::int64_t offset = 0, std::size_t longest_line = 1 << 20)
      : path_(std::move(path)), line_begin_(offset), position_(offset), longest_line_(longest_line) {}

  /// Hands over the lines that are whole since the last call, without their newlines; reads about `most_bytes` of the
  /// file. Returns their number. What is no UTF-8, NUL bytes among it, is handed over as it is.
  std::int64_t read_lines(const Use& use, std::int64_t most_bytes = kAll);
  /// Hands over new bytes as they are, in blocks. Not beside read_lines.
  std::int64_t read_bytes(const Use& use, std::int64_t most_bytes = kAll);
  /// Where more than `bytes` are not read yet, goes to the first line that begins within the last `bytes`.
  void skip_to_last(std::int64_t bytes);
  /// Goes behind the last line that is whole.
  void skip_to_end();

  /// Bytes that are not read yet.
  std::int64_t unread() const;
  /// Where the next line to be handed over begins.
  std::int64_t offset() const { return line_begin_; }
  /// What was read of a line that is not whole yet.
  const std::string& unfinished() const { return part_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  void take(std::string_view block, const Use& use, std::int64_t& lines);

  std::filesystem::path path_;
  std::int64_t line_begin_, position_;
  std::size_t longest_line_;
  std::string part_;
  bool drops_line_ = false;  // the line at hand began before, or is handed over already
};

/// The last `count` lines of a file that are not empty, whole or not, of its last 64 KiB; none when it cannot be read.
std::vector<std::string> last_lines(const std::filesystem::path& file, std::size_t count);

}  // namespace muster::base

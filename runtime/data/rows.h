// The rows of a data source as lines of JSON: a JSONL file, of which only the places of the lines are held, or a
// built-in task.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace muster::data {

/// What an index knows of a row instead of the number of its prompt's tokens.
inline constexpr std::int32_t kNotKnown = -1, kBroken = -2;

class Rows {
 public:
  virtual ~Rows() = default;
  virtual std::int64_t size() const = 0;
  /// throws: Error::user without a place when the row is too long to be one, Error::cluster when the file cannot be
  /// read any more.
  virtual std::string line(std::int64_t row) const = 0;
  /// "problems.jsonl:17", for errors.
  virtual std::string place(std::int64_t row) const = 0;
  /// Tokens of the row's prompt, kNotKnown, or kBroken for a row of which none can be made.
  virtual std::int32_t prompt_tokens(std::int64_t) const { return kNotKnown; }
  /// prompt_hash() of the row's prompt, 0 for a row of which none can be made; none where that is not known.
  virtual std::optional<std::uint64_t> prompt_hash(std::int64_t) const { return std::nullopt; }
};

/// `path`: a JSONL file, whose lines are looked for here and now, or "builtin:<task>". Blank lines are no rows.
/// throws: Error::user, also for what only an index can hold (Parquet, packed files, several files).
std::unique_ptr<Rows> open_rows(const std::string& path);

bool is_builtin(const std::string& path);

/// How the rows of a file are written, by its first bytes (a Parquet file also by its name).
enum class FileKind { lines, parquet, gzip, zstd };
/// throws: Error::user when it is no file that can be read.
FileKind file_kind(const std::string& path);

}  // namespace muster::data

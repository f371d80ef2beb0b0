// The rows of a data source as lines of JSON: a JSONL file, of which only the places of the lines are held, or a
// built-in task.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace muster::data {

class Rows {
 public:
  virtual ~Rows() = default;
  virtual std::int64_t size() const = 0;
  /// throws: Error::cluster when the file cannot be read any more.
  virtual std::string line(std::int64_t row) const = 0;
  /// "problems.jsonl:17", for errors.
  virtual std::string place(std::int64_t row) const = 0;
};

/// `path`: a JSONL file, or "builtin:<task>". Blank lines are no rows. throws: Error::user.
std::unique_ptr<Rows> open_rows(const std::string& path);

}  // namespace muster::data

// The lines of a large file, read in chunks that several threads may take: one pass, no more of it in memory than the
// chunks at hand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/base/files.h"

namespace muster::data {

/// A line longer than this is no row: it is passed over without being held.
inline constexpr std::int64_t kLongestLineBytes = 16 << 20;

struct Line {
  std::int64_t begin_bytes = 0, size_bytes = 0;
  std::int64_t number = 0;  // within the chunk, from 0
  std::string_view text;    // empty when the line is too long; valid during the call
};

class LineFile {
 public:
  /// `chunk_bytes` aside for tests. throws: Error::user when it is no file that can be read.
  explicit LineFile(const std::string& path, std::int64_t chunk_bytes = 4 << 20);

  std::int64_t size_bytes() const { return size_bytes_; }
  std::int64_t num_chunks() const { return (size_bytes_ + chunk_bytes_ - 1) / chunk_bytes_; }
  /// Calls `take` for each line that begins in the chunk and is not blank. Returns how many begin there, blank ones
  /// too. May be called from several threads. throws: Error::cluster when the file cannot be read any more.
  std::int64_t read_chunk(std::int64_t chunk, const std::function<void(const Line&)>& take) const;
  /// These bytes. throws: Error::cluster when they are not there any more.
  std::string read(std::int64_t begin_bytes, std::int64_t size_bytes) const;

 private:
  void read_into(char* target, std::int64_t begin_bytes, std::int64_t size_bytes) const;

  std::string path_;
  base::Descriptor file_;
  std::int64_t size_bytes_ = 0, chunk_bytes_;
};

}  // namespace muster::data

// A log file that ends at a size. Who writes to it writes to a pipe: one that floods it is neither blocked nor killed,
// and its disk is not filled; what does not fit is dropped, and the log's last line says so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <thread>

#include "runtime/base/files.h"

namespace muster::base {

/// One thread (log-limit) moves what is written to fd() into the file until this object ends; then it takes what is in
/// the pipe and closes it.
class LimitedLog {
 public:
  /// Appends to `path`; what it holds already counts. throws: Error::user when it cannot be written.
  LimitedLog(const std::filesystem::path& path, std::int64_t most_bytes);
  ~LimitedLog();
  LimitedLog(const LimitedLog&) = delete;
  LimitedLog& operator=(const LimitedLog&) = delete;

  /// To become standard output and error of children.
  int fd() const { return input_.get(); }

 private:
  void run(int stop_fd);
  bool move_block();
  void write_all(const char* data, std::size_t size) const;

  Descriptor file_, input_, output_, stop_;
  std::int64_t left_, most_bytes_;
  std::jthread thread_;
};

/// While it lives, standard output and error of this process and of what it starts go to a LimitedLog.
class LimitedOutput {
 public:
  /// throws: as LimitedLog.
  LimitedOutput(const std::filesystem::path& path, std::int64_t most_bytes);
  ~LimitedOutput();
  LimitedOutput(const LimitedOutput&) = delete;
  LimitedOutput& operator=(const LimitedOutput&) = delete;

 private:
  LimitedLog log_;
  Descriptor output_, error_;  // as they were
};

}  // namespace muster::base

#include "runtime/data/lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::data {
namespace {

constexpr std::int64_t kStepBytes = 1 << 20;  // by which a chunk grows to the end of its last line

}  // namespace

LineFile::LineFile(const std::string& path, std::int64_t chunk_bytes)
    // NONBLOCK: a pipe is refused below, not waited for.
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), chunk_bytes_(chunk_bytes) {
  struct stat facts {};
  const bool is_there = file_ && ::fstat(file_.get(), &facts) == 0;
  if (!is_there || !S_ISREG(facts.st_mode))
    throw Error::user(
        {.what = base::text("cannot read the data: ", is_there ? "this is no file" : std::strerror(errno)),
         .where = path,
         .fix = "data.path is a JSONL or Parquet file, or builtin:sums, builtin:reverse-digits"});
  size_bytes_ = facts.st_size;
}

void LineFile::read_into(char* target, std::int64_t begin_bytes, std::int64_t size_bytes) const {
  while (size_bytes > 0) {
    const ssize_t got = ::pread(file_.get(), target, static_cast<std::size_t>(size_bytes), begin_bytes);
    if (got < 0 && errno == EINTR) continue;
    // No refused row, which all ranks would count alike: this file is lost to this process.
    if (got <= 0)
      throw Error::cluster(
          {.what = base::text("cannot read on: ", got < 0 ? std::strerror(errno) : "the file became shorter"),
           .where = base::text(path_, " at byte ", begin_bytes)});
    target += got;
    begin_bytes += got;
    size_bytes -= got;
  }
}

std::string LineFile::read(std::int64_t begin_bytes, std::int64_t size_bytes) const {
  std::string text(static_cast<std::size_t>(size_bytes), '\0');
  read_into(text.data(), begin_bytes, size_bytes);
  return text;
}

std::int64_t LineFile::read_chunk(std::int64_t chunk, const std::function<void(const Line&)>& take) const {
  const std::int64_t begin = chunk * chunk_bytes_, end = std::min(begin + chunk_bytes_, size_bytes_);
  const std::int64_t first = std::max<std::int64_t>(0, begin - 1);  // the byte before tells whether a line begins here
  std::string buffer = read(first, end - first);
  std::int64_t buffer_begin = first;
  const auto grow = [&](std::int64_t keep_from) {
    buffer.erase(0, static_cast<std::size_t>(keep_from - buffer_begin));
    buffer_begin = keep_from;
    const std::int64_t at = buffer_begin + std::ssize(buffer);
    const std::int64_t more = std::min(kStepBytes, size_bytes_ - at);
    buffer.resize(buffer.size() + static_cast<std::size_t>(more));
    read_into(buffer.data() + buffer.size() - more, at, more);
    return more > 0;
  };

  std::int64_t line = 0, number = 0;
  if (begin > 0) {
    const std::size_t newline = buffer.find('\n');
    if (newline == std::string::npos) return 0;
    line = first + static_cast<std::int64_t>(newline) + 1;
  }
  while (line < end) {
    std::size_t newline = buffer.find('\n', static_cast<std::size_t>(line - buffer_begin));
    bool is_too_long = false;
    std::int64_t seen = line;  // no newline before this byte
    while (newline == std::string::npos) {
      seen = buffer_begin + std::ssize(buffer);
      is_too_long = is_too_long || seen - line > kLongestLineBytes;
      if (!grow(is_too_long ? seen : line)) break;
      newline = buffer.find('\n', static_cast<std::size_t>(seen - buffer_begin));
    }
    const std::int64_t line_end =
        newline == std::string::npos ? size_bytes_ : buffer_begin + static_cast<std::int64_t>(newline);
    is_too_long = is_too_long || line_end - line > kLongestLineBytes;
    Line found{.begin_bytes = line, .size_bytes = line_end - line, .number = number++};
    if (!is_too_long)
      found.text = std::string_view(buffer).substr(static_cast<std::size_t>(line - buffer_begin),
                                                   static_cast<std::size_t>(found.size_bytes));
    if (is_too_long || found.text.find_first_not_of(" \t\r") != std::string_view::npos) take(found);
    line = line_end + 1;
  }
  return number;
}

}  // namespace muster::data

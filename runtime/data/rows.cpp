#include "runtime/data/rows.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/data/builtin_tasks.h"

namespace muster::data {
namespace {

constexpr std::string_view kBuiltin = "builtin:";
constexpr std::int64_t kLongestLineBytes = 64 << 20;

class FileRows : public Rows {
 public:
  explicit FileRows(const std::string& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat facts {};
    if (!file_ || ::fstat(file_.get(), &facts) != 0) fail(std::strerror(errno));
    if (!S_ISREG(facts.st_mode)) fail("this is no file");
    index();
    if (lines_.empty())
      throw Error::user(
          {.what = "the file holds no rows", .where = path_, .fix = "data.path is a file of JSON objects, one a line"});
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(lines_.size()); }

  std::string line(std::int64_t row) const override {
    const Line& line = lines_.at(static_cast<std::size_t>(row));
    std::string text(static_cast<std::size_t>(line.size_bytes), '\0');
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t got = ::pread(file_.get(), text.data() + done, text.size() - done,
                                  static_cast<off_t>(line.begin_bytes) + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      // No refused row, which all ranks would count alike: this file is lost to this rank.
      if (got <= 0)
        throw Error::cluster(
            {.what = base::text("cannot read on: ", got < 0 ? std::strerror(errno) : "the file became shorter"),
             .where = place(row)});
      done += static_cast<std::size_t>(got);
    }
    return text;
  }

  std::string place(std::int64_t row) const override {
    return base::text(path_, ":", lines_.at(static_cast<std::size_t>(row)).number);
  }

 private:
  struct Line {
    std::int64_t begin_bytes;
    std::int32_t size_bytes;
    std::uint32_t number;  // from 1
  };

  [[noreturn]] void fail(const std::string& why) const {
    throw Error::user({.what = "cannot read the data: " + why,
                       .where = path_,
                       .fix = "data.path is a JSONL file, or builtin:sums, builtin:reverse-digits"});
  }

  void index() {
    std::vector<char> block(1 << 20);
    std::int64_t at = 0, begin = 0;
    std::uint32_t number = 1;
    bool blank = true;
    const auto end_line = [&](std::int64_t end) {
      if (end - begin > kLongestLineBytes)
        throw Error::user({.what = base::text("a line of ", base::bytes_text(end - begin)),
                           .where = base::text(path_, ":", number),
                           .fix = "rows are JSON objects, one a line"});
      if (!blank) lines_.push_back({begin, static_cast<std::int32_t>(end - begin), number});
      begin = end + 1;
      blank = true;
      ++number;
    };
    for (;;) {
      const ssize_t got = ::read(file_.get(), block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(std::strerror(errno));
      if (got == 0) break;
      for (const char *c = block.data(), *end = c + got; c < end;) {
        const auto* newline = static_cast<const char*>(std::memchr(c, '\n', static_cast<std::size_t>(end - c)));
        const char* stop = newline ? newline : end;
        for (; blank && c < stop; ++c) blank = *c == ' ' || *c == '\t' || *c == '\r';
        if (newline) end_line(at + (newline - block.data()));
        c = stop + 1;
      }
      at += got;
    }
    if (at > begin) end_line(at);
  }

  std::string path_;
  base::Descriptor file_;
  std::vector<Line> lines_;
};

class BuiltinRows : public Rows {
 public:
  explicit BuiltinRows(const BuiltinTask& task) : task_(task) {}
  std::int64_t size() const override { return task_.num_rows; }
  std::string line(std::int64_t row) const override { return task_.row(row); }
  std::string place(std::int64_t row) const override { return base::text(kBuiltin, task_.name, ":", row + 1); }

 private:
  const BuiltinTask& task_;
};

}  // namespace

std::unique_ptr<Rows> open_rows(const std::string& path) {
  if (path.starts_with(kBuiltin))
    return std::make_unique<BuiltinRows>(builtin_task(path.substr(kBuiltin.size()), "data.path"));
  return std::make_unique<FileRows>(path);
}

}  // namespace muster::data

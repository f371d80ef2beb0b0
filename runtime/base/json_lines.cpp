#include "runtime/base/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/base/followed_file.h"
#include "runtime/base/json_text.h"
#include "runtime/base/open_for_writing.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace {

constexpr std::size_t kLongestLine_bytes = 256 << 20;  // longer ones are none of ours

}  // namespace

JsonLinesWriter::JsonLinesWriter(const std::filesystem::path& path) : path_(path) {
  file_ = open_for_writing(path, O_RDWR | O_APPEND);
  struct stat stat {};
  ::fstat(file_.get(), &stat);
  off_t end = stat.st_size;
  char last = '\n';
  while (end > 0 && ::pread(file_.get(), &last, 1, end - 1) == 1 && last != '\n') --end;
  if (end != stat.st_size && ::ftruncate(file_.get(), end) != 0)
    throw Error::user(
        {.what = std::string("cannot cut the half line at its end: ") + std::strerror(errno), .where = path.string()});
}

void JsonLinesWriter::append(const nlohmann::ordered_json& object) {
  const std::string line = json_text(object) + "\n";
  const off_t begin = ::lseek(file_.get(), 0, SEEK_END);
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t count = ::write(file_.get(), line.data() + written, line.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int code = errno;
      if (written > 0 && begin >= 0 && ::ftruncate(file_.get(), begin) != 0)
        fail("cannot take back half a line", errno);
      fail("cannot append", code);
    }
    written += static_cast<std::size_t>(count);
  }
}

void JsonLinesWriter::sync() {
  if (::fsync(file_.get()) != 0 && errno != EINVAL) fail("cannot bring it to the disk", errno);
  if (is_named_) return;
  const Descriptor folder(::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || (::fsync(folder.get()) != 0 && errno != EINVAL)) fail("cannot bring its folder to the disk", errno);
  is_named_ = true;
}

void JsonLinesWriter::fail(const std::string& action, int code) const {
  throw Error::user({.what = action + ": " + std::strerror(code),
                     .where = path_.string(),
                     .fix = code == ENOSPC || code == EDQUOT ? "free some space there" : ""});
}

std::vector<nlohmann::ordered_json> read_json_lines(const std::filesystem::path& path, std::int64_t& offset,
                                                    std::vector<Fault>& broken) {
  std::vector<nlohmann::ordered_json> objects;
  FollowedFile file(path, offset, kLongestLine_bytes);
  std::int64_t begin = offset;
  file.read_lines([&](std::string_view line) {
    const std::int64_t at = std::exchange(begin, begin + std::ssize(line) + 1);
    if (line.empty()) return;
    nlohmann::ordered_json object = nlohmann::ordered_json::parse(line, nullptr, false);
    if (object.is_discarded())
      broken.push_back({.what = "not a JSON line", .where = text(path.string(), " at byte ", at)});
    else
      objects.push_back(std::move(object));
  });
  offset = file.offset();
  return objects;
}

std::vector<nlohmann::ordered_json> read_json_lines(const std::filesystem::path& path, std::int64_t& offset) {
  std::vector<Fault> broken;
  std::int64_t end = offset;
  std::vector<nlohmann::ordered_json> objects = read_json_lines(path, end, broken);
  if (!broken.empty()) throw Error(ErrorKind::user, {broken.front()});
  offset = end;
  return objects;
}

std::vector<nlohmann::ordered_json> read_json_lines(const std::filesystem::path& path) {
  std::int64_t offset = 0;
  return read_json_lines(path, offset);
}

}  // namespace muster::base

#include "runtime/base/files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& action, const fs::path& path, int code) {
  std::string fix;
  if (code == ENOSPC || code == EDQUOT) fix = "free some space there or choose another folder";
  if (code == EROFS || code == EACCES || code == EPERM)
    fix = "choose a folder that you may write, or fix its permissions";
  if (code == ENOENT) fix = "check the path";
  throw Error::user({.what = action + ": " + std::strerror(code), .where = path.string(), .fix = fix});
}

void write_all(int fd, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("cannot write", path, errno);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A pipe that lies in a folder, which can be waited for in vain; not one between two processes, such as /dev/stdin.
bool is_named_pipe(int fd) {
  struct stat status {};
  struct statfs system {};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && ::fstatfs(fd, &system) == 0 &&
         system.f_type != PIPEFS_MAGIC;
}

void sync_folder(const fs::path& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) fail("cannot write", path, errno);
}

}  // namespace

std::string read_file(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) fail("cannot read", path, errno);
  if (is_named_pipe(file.get()))
    throw Error::user({.what = "is a pipe, not a file", .where = path.string(), .fix = "put the file itself there"});
  ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot read", path, errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
  }
}

std::string read_regular_file(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail("cannot read", path, errno);
  if (!S_ISREG(status.st_mode))
    throw Error::user({.what = text("is ",
                                    S_ISDIR(status.st_mode)    ? "a folder"
                                    : S_ISFIFO(status.st_mode) ? "a pipe"
                                                               : "a device or socket",
                                    ", not a file"),
                       .where = path.string(),
                       .fix = "put the file itself there"});
  return read_file(path);
}

void write_file(const fs::path& path, std::string_view content, unsigned mode) {
  const fs::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  ::unlink(temporary.c_str());  // of a process with this number that was killed, or planted
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) fail("cannot write", path, errno);
  try {
    write_all(file.get(), content, path);
    if (::fsync(file.get()) != 0) fail("cannot write", path, errno);
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
  file.reset();
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary.c_str());
    fail("cannot write", path, code);
  }
}

void make_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) fail("cannot make the folder", path, code.value());
}

void publish_folder(const fs::path& unfinished, const fs::path& folder) {
  sync_folder(unfinished);
  if (::rename(unfinished.c_str(), folder.c_str()) != 0) fail("cannot rename to " + folder.string(), unfinished, errno);
  sync_folder(folder.parent_path());
}

bool is_there(const std::filesystem::path& path) {
  std::error_code not_there;
  return std::filesystem::exists(path, not_there);
}

std::int64_t free_bytes(const fs::path& path) {
  struct statvfs stat {};
  if (::statvfs(path.c_str(), &stat) != 0) fail("cannot look at the file system of", path, errno);
  return static_cast<std::int64_t>(stat.f_bavail) * static_cast<std::int64_t>(stat.f_frsize);
}

fs::path cache_folder() {
  if (const char* cache = std::getenv("MUSTER_CACHE")) return cache;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return fs::path(cache) / "muster";
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : "/tmp") / ".cache" / "muster";
}

std::string expanded_path(const std::string& path) {
  const auto value_of = [&](const std::string& name) -> std::string {
    if (name == "MUSTER_CACHE") return cache_folder().string();
    if (const char* value = std::getenv(name.c_str())) return value;
    throw Error::user({.what = text("there is no environment variable ", name, " for the path ", path),
                       .where = "",
                       .fix = "set it, or write the path without it"});
  };
  const bool has_home = path == "~" || path.starts_with("~/");
  std::string whole = has_home ? value_of("HOME") + path.substr(1) : path;
  for (std::size_t begin = whole.find("${"); begin != std::string::npos; begin = whole.find("${", begin)) {
    const std::size_t end = whole.find('}', begin);
    if (end == std::string::npos) break;
    const std::string value = value_of(whole.substr(begin + 2, end - begin - 2));
    whole.replace(begin, end + 1 - begin, value);
    begin += value.size();
  }
  return whole;
}

fs::path resolved_path(const std::string& path, const fs::path& folder) {
  const fs::path given(expanded_path(path));
  return (given.is_absolute() ? given : fs::absolute(folder.empty() ? "." : folder) / given).lexically_normal();
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Descriptor::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

void Descriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace muster::base

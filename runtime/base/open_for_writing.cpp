#include "runtime/base/open_for_writing.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"

namespace muster::base {

Descriptor open_for_writing(const std::filesystem::path& path, int flags) {
  Descriptor file(::open(path.c_str(), flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644));
  struct stat status {};
  if (file && ::fstat(file.get(), &status) == 0 && S_ISFIFO(status.st_mode))
    throw Error::user({.what = "is a pipe, not a file", .where = path.string(), .fix = "remove it"});
  if (file) {
    ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
    return file;
  }
  if (errno == ELOOP) {
    Descriptor device(::open(path.c_str(), (flags & ~O_TRUNC) | O_CLOEXEC | O_NONBLOCK));
    struct stat facts {};
    if (device && ::fstat(device.get(), &facts) == 0 && S_ISCHR(facts.st_mode)) return device;
    errno = ELOOP;
  }
  if (errno == ELOOP)
    throw Error::user(
        {.what = "is a symbolic link, which is not followed here", .where = path.string(), .fix = "remove the link"});
  throw Error::user(
      {.what = std::string("cannot write: ") + std::strerror(errno),
       .where = path.string(),
       .fix = errno == ENOSPC || errno == EDQUOT ? "free some space there or choose another folder" : ""});
}

}  // namespace muster::base

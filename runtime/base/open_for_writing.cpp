#include "runtime/base/open_for_writing.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"

namespace muster::base {

Descriptor open_for_writing(const std::filesystem::path& path, int flags) {
  Descriptor file(::open(path.c_str(), flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (file) return file;
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

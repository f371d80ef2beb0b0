// Files written so that a reader sees the old or the new content and never half of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace muster::base {

/// throws: Error::user naming the path when it cannot be read.
std::string read_file(const std::filesystem::path& path);
/// As read_file, for a file that has to lie on a disk: a pipe, a device or a folder of that name is refused at once.
std::string read_regular_file(const std::filesystem::path& path);
/// Temporary name beside it, fsync, rename. `mode` is the permission of the new file. throws: Error::user (no space,
/// read-only).
void write_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);
/// Makes the folder and its parents. throws: Error::user.
void make_folder(const std::filesystem::path& path);
/// Gives a folder its last name: what it holds is on the disk before, the name after. A folder of that name must not be
/// there. throws: Error::user.
void publish_folder(const std::filesystem::path& unfinished, const std::filesystem::path& folder);
/// Whether there is such a file or folder. A name that cannot be one (too long, below a file) is not there either.
bool is_there(const std::filesystem::path& path);
/// Free bytes of the file system that holds `path`.
std::int64_t free_bytes(const std::filesystem::path& path);
/// Replaces `~` at the beginning and each `${NAME}` from the environment; `${MUSTER_CACHE}` is cache_folder() where it
/// is not set. throws: Error::user naming a variable that is not set.
std::string expanded_path(const std::string& path);
/// Makes `path`, expanded, absolute against `folder` (empty: the current one). throws: as expanded_path.
std::filesystem::path resolved_path(const std::string& path, const std::filesystem::path& folder);
/// $MUSTER_CACHE, else $XDG_CACHE_HOME/muster, else ~/.cache/muster.
std::filesystem::path cache_folder();

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

}  // namespace muster::base

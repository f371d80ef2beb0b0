#include "runtime/spec/beat.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "runtime/base/error.h"

namespace muster::spec {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the page is shared between processes");

namespace {

BeatPage* map_page(int fd) {
  void* memory = ::mmap(nullptr, sizeof(BeatPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    throw Error::cluster({.what = std::string("cannot map the page of the beat: ") + std::strerror(errno),
                          .where = "",
                          .fix = "look at the memory limits of the node"});
  }
  return static_cast<BeatPage*>(memory);
}

template <std::size_t Size>
void copy_text(std::array<char, Size>& field, std::string_view text) {
  const std::size_t count = std::min(text.size(), Size - 1);
  std::memcpy(field.data(), text.data(), count);
  std::memset(field.data() + count, 0, Size - count);
}

template <std::size_t Size>
std::string read_text(const std::array<char, Size>& field) {
  return {field.data(), ::strnlen(field.data(), Size)};
}

}  // namespace

Beat Beat::make() {
  base::Descriptor fd(::memfd_create("muster-beat", MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.get(), sizeof(BeatPage)) != 0) {
    throw Error::cluster({.what = std::string("cannot make the page of the beat: ") + std::strerror(errno),
                          .where = "",
                          .fix = "look at the memory and file limits of the node"});
  }
  BeatPage* page = map_page(fd.get());
  new (page) BeatPage();
  return {std::move(fd), page};
}

Beat Beat::open(int fd) {
  if (::lseek(fd, 0, SEEK_END) < static_cast<off_t>(sizeof(BeatPage))) {
    throw Error::cluster({.what = "descriptor " + std::to_string(fd) + " holds no beat page",
                          .where = "MUSTER_BEAT_FD",
                          .fix = "ranks are started by muster-runtime node"});
  }
  BeatPage* page = map_page(fd);
  return {base::Descriptor(fd), page};
}

Beat::Beat(Beat&& other) noexcept : fd_(std::move(other.fd_)), page_(other.page_) { other.page_ = nullptr; }

Beat::~Beat() {
  if (page_ != nullptr) ::munmap(page_, sizeof(BeatPage));
}

void set_text(std::array<char, 120>& field, std::string_view text) { copy_text(field, text); }
void set_text(std::array<char, 512>& field, std::string_view text) { copy_text(field, text); }
std::string text_of(const std::array<char, 120>& field) { return read_text(field); }
std::string text_of(const std::array<char, 512>& field) { return read_text(field); }

}  // namespace muster::spec

#include "runtime/base/followed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace {

constexpr std::size_t kBlock_bytes = 256 << 10;
constexpr std::int64_t kLastLines_bytes = 64 << 10;

}  // namespace

std::int64_t FollowedFile::unread() const {
  std::error_code code;
  const auto size = std::filesystem::file_size(path_, code);
  return code ? 0 : std::max<std::int64_t>(0, static_cast<std::int64_t>(size) - position_);
}

std::int64_t FollowedFile::read_bytes(const Use& use, std::int64_t most_bytes) {
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a pipe there is empty
  std::int64_t taken = 0;
  std::string block;
  while (file && taken < most_bytes) {
    block.resize(kBlock_bytes);
    const ssize_t got = ::pread(file.get(), block.data(), block.size(), position_);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    position_ += got;
    taken += got;
    use(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
  }
  return taken;
}

std::int64_t FollowedFile::read_lines(const Use& use, std::int64_t most_bytes) {
  std::int64_t lines = 0;
  read_bytes([&](std::string_view block) { take(block, use, lines); }, most_bytes);
  return lines;
}

void FollowedFile::take(std::string_view block, const Use& use, std::int64_t& lines) {
  const std::int64_t block_begin = position_ - std::ssize(block);
  std::size_t begin = 0;
  for (std::size_t end; (end = block.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
    line_begin_ = block_begin + static_cast<std::int64_t>(end) + 1;
    if (!drops_line_) {
      std::string_view line = block.substr(begin, end - begin);
      if (!part_.empty()) line = part_.append(line);
      use(line.substr(0, longest_line_));
      ++lines;
    }
    drops_line_ = false;
    part_.clear();
  }
  if (drops_line_) return;
  part_.append(block.substr(begin));
  if (part_.size() <= longest_line_) return;
  part_.resize(longest_line_);
  use(part_);
  ++lines;
  part_ = std::string();
  drops_line_ = true;
}

void FollowedFile::skip_to_last(std::int64_t bytes) {
  const std::int64_t left = unread();
  if (left <= bytes) return;
  // One byte more: where that is a newline, the line behind it is whole.
  position_ += left - bytes - 1;
  line_begin_ = position_;
  part_.clear();
  drops_line_ = true;
}

void FollowedFile::skip_to_end() {
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  std::int64_t end = position_ + unread();
  std::string block;
  while (file && end > position_) {
    const std::int64_t begin = std::max(position_, end - static_cast<std::int64_t>(kBlock_bytes));
    block.resize(static_cast<std::size_t>(end - begin));
    if (::pread(file.get(), block.data(), block.size(), begin) != end - begin) break;
    if (const std::size_t newline = block.rfind('\n'); newline != std::string::npos) {
      position_ = line_begin_ = begin + static_cast<std::int64_t>(newline) + 1;
      part_.clear();
      drops_line_ = false;
      return;
    }
    end = begin;
  }
}

std::vector<std::string> last_lines(const std::filesystem::path& file, std::size_t count) {
  std::vector<std::string> lines;
  std::error_code code;
  if (!std::filesystem::is_regular_file(file, code)) return lines;
  const auto keep = [&](std::string_view line) {
    if (!trim(line).empty()) lines.emplace_back(line);
    if (lines.size() > count) lines.erase(lines.begin());
  };
  FollowedFile followed(file);
  followed.skip_to_last(kLastLines_bytes);
  followed.read_lines(keep);
  keep(followed.unfinished());
  return lines;
}

}  // namespace muster::base

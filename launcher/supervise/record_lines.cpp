#include "launcher/supervise/record_lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::supervise {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBlock_bytes = 1 << 20;      // read of one file at once; more only for a longer line
constexpr std::size_t kLongest_bytes = 256 << 20;  // of a line: longer ones are none of ours

/// Up to `count` bytes of a file from an offset; empty when there are none.
std::string read_from(const fs::path& path, std::int64_t offset, std::size_t count) {
  const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  if (!file) return content;
  content.resize(count);
  const ssize_t got = ::pread(file.get(), content.data(), count, offset);
  content.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return content;
}

/// Where the next line of a file will begin: behind the last line that is whole.
std::int64_t end_of_lines(const fs::path& path) {
  std::error_code code;
  auto end = static_cast<std::int64_t>(fs::file_size(path, code));
  if (code) return 0;
  while (end > 0) {
    const std::int64_t begin = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(kBlock_bytes));
    const std::size_t newline = read_from(path, begin, static_cast<std::size_t>(end - begin)).rfind('\n');
    if (newline != std::string::npos) return begin + static_cast<std::int64_t>(newline) + 1;
    end = begin;
  }
  return 0;
}

}  // namespace

RecordLines::RecordLines(const spec::RunPaths& paths, std::int64_t attempt)
    : attempt_(attempt),
      files_{{{"step", paths.steps()},
              {"sample", paths.samples()},
              {"warmup", paths.warmup()},
              {"validation", paths.validation()},
              {"validation_sample", paths.validation_samples()}}} {
  for (Followed& file : files_) file.offset = end_of_lines(file.path);
}

std::int64_t RecordLines::take_from(Followed& file, const Use& use) const {
  std::string block;
  std::size_t end = std::string::npos;
  for (std::size_t count = kBlock_bytes; count <= kLongest_bytes; count *= 4) {
    block = read_from(file.path, file.offset, count);
    end = block.rfind('\n');
    if (end != std::string::npos || block.size() < count) break;
  }
  if (end == std::string::npos) return 0;
  std::int64_t taken = 0;
  for (const std::string& line : base::split(std::string_view(block).substr(0, end), '\n')) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("attempt") || object["attempt"] != attempt_) continue;
    use(file.record, line, object);
    ++taken;
  }
  file.offset += static_cast<std::int64_t>(end) + 1;
  return taken;
}

std::int64_t RecordLines::take(const Use& use) {
  std::int64_t taken = 0;
  for (Followed& file : files_) taken += take_from(file, use);
  return taken;
}

}  // namespace muster::supervise

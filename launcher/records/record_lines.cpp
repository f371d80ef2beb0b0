#include "launcher/records/record_lines.h"

#include <nlohmann/json.hpp>

namespace muster::records {
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kBlock_bytes = 1 << 20;     // read of one file at once
constexpr std::size_t kLongest_bytes = 256 << 20;  // of a line: longer ones are none of ours

base::FollowedFile followed(const fs::path& path) {
  base::FollowedFile file(path, 0, kLongest_bytes);
  file.skip_to_end();
  return file;
}

}  // namespace

RecordLines::RecordLines(const spec::RunPaths& paths, std::int64_t attempt)
    : attempt_(attempt),
      files_{{{"step", followed(paths.steps())},
              {"sample", followed(paths.samples())},
              {"warmup", followed(paths.warmup())},
              {"validation", followed(paths.validation())},
              {"validation_sample", followed(paths.validation_samples())}}} {}

std::int64_t RecordLines::take_from(Followed& followed, const Use& use) const {
  std::int64_t taken = 0;
  const auto take_line = [&](std::string_view line) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("attempt") || object["attempt"] != attempt_) return;
    use(followed.record, line, object);
    ++taken;
  };
  // Lines of other attempts are passed over at once; so is the beginning of a line that is longer than a block.
  while (taken == 0 && followed.file.unread() > 0) {
    const std::int64_t before = followed.file.unread();
    followed.file.read_lines(take_line, kBlock_bytes);
    if (followed.file.unread() >= before) break;
  }
  return taken;
}

std::int64_t RecordLines::take(const Use& use) {
  std::int64_t taken = 0;
  for (Followed& file : files_) taken += take_from(file, use);
  return taken;
}

}  // namespace muster::records

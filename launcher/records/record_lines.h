// The records of one attempt as they are written: what log.command and log.tensorboard read behind the ranks. Files are
// only read, from where this attempt begins, a block at a time; nothing is kept in memory for a slow reader.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "runtime/base/followed_file.h"
#include "runtime/spec/plan.h"

namespace muster::records {

class RecordLines {
 public:
  /// `record`: "step", "sample", "warmup", "validation" or "validation_sample"; `line` without its newline, and what it
  /// says.
  using Use = std::function<void(const char* record, std::string_view line, const nlohmann::json& object)>;

  /// What the files hold now is of earlier attempts.
  RecordLines(const spec::RunPaths& paths, std::int64_t attempt);

  /// Hands over whole lines of this attempt that are new, of each file a block of 1 MiB at most (more only for a longer
  /// line), and returns their number. Lines of other attempts, and what is none of ours, are passed over.
  std::int64_t take(const Use& use);

 private:
  struct Followed {
    const char* record;
    base::FollowedFile file;
  };
  std::int64_t take_from(Followed& followed, const Use& use) const;

  std::int64_t attempt_;
  std::array<Followed, 5> files_;
};

}  // namespace muster::records

// What an attempt came to, as verdict.json says: written by its supervisor, read by whoever shows the run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/spec/plan.h"

namespace muster::records {

struct Verdict {
  std::int64_t attempt = 0;
  int code = 0;  // 0, 2, 3, 4, 70, or 128 + signal when a person ended it
  std::string sentence;
  std::optional<std::int64_t> rank;  // whose log tells more
  bool operator==(const Verdict&) const = default;
};

/// verdict.json: {"attempt", "code", "sentence"} and "rank" where one is to blame.
void write_verdict(const spec::RunPaths& paths, const Verdict& verdict);
/// None while the attempt has none.
std::optional<Verdict> read_verdict(const spec::RunPaths& paths, std::int64_t attempt);

}  // namespace muster::records

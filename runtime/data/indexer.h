// Makes the indexes of a job: every line of every source read once, by several threads; broken rows counted and named.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::data {

struct IndexOptions {
  std::filesystem::path folder;    // RUN/data
  std::filesystem::path model;     // whose tokenizer it is
  std::filesystem::path binaries;  // where muster-parquet lies
  std::int64_t max_prompt_tokens = 0;
  int threads = 0;                     // 0: up to four
  std::int64_t chunk_bytes = 4 << 20;  // aside for tests
  /// Told now and then, by one thread at a time: what is done, of how much.
  std::function<void(const std::string& path, std::int64_t done_bytes, std::int64_t all_bytes)> on_progress;
};

/// What was found in one source.
struct IndexFigures {
  std::string path;
  bool is_kept = false;  // an index of this very source was there
  std::int64_t rows = 0, bytes = 0;
  std::int64_t broken = 0, too_long = 0;  // rows that are refused
  std::int64_t tokens = 0;                // of all prompts
  double seconds = 0;
  std::vector<std::string> examples;  // the first broken rows: "rows.jsonl:17: field 'answer' is missing"
};

/// Sources that are files, in their order. throws: Error::user when a source has no rows, when more than
/// data.max_refused_share of its rows (and at least eight) are refused, or a Parquet file cannot be read.
std::vector<IndexFigures> make_indexes(const spec::DataJob& data, const IndexOptions& options);

/// Tokens that a prompt may have.
std::int64_t most_prompt_tokens(const spec::DataJob& data, std::int64_t max_sequence_tokens);
/// A share of few rows says nothing: so many are forgiven.
inline constexpr std::int64_t kForgivenRows = 8;

}  // namespace muster::data

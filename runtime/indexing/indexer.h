// Makes the indexes of a job: every line of every source read once, by several threads; what is wrong with rows is
// counted and named.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/split.h"
#include "runtime/spec/data_identity.h"
#include "runtime/spec/job.h"

namespace muster::indexing {

struct IndexOptions {
  std::filesystem::path folder;    // RUN/data
  std::filesystem::path model;     // whose tokenizer it is
  std::filesystem::path binaries;  // where muster-parquet lies
  std::int64_t max_sequence_tokens = 0;
  int threads = 0;                     // 0: up to four
  std::int64_t chunk_bytes = 4 << 20;  // aside for tests
  /// Why a gold answer is one that the grader cannot read; such rows are refused. May be empty; called by all threads.
  std::function<std::optional<std::string>(const std::string& gold)> why_unreadable;
  /// Called now and then, by one thread at a time: what is done, of how much.
  std::function<void(const std::string& path, std::int64_t done_bytes, std::int64_t all_bytes)> on_progress;
};

/// What was found in one source. Of an index that is kept: its rows and their prompts alone.
struct IndexFigures {
  std::string path;
  bool is_kept = false;  // an index of this very source was there
  std::int64_t files = 1, rows = 0, bytes = 0;
  std::int64_t broken = 0, too_long = 0;  // rows that are refused
  std::int64_t unreadable = 0;            // of the broken ones: by their gold answer
  std::int64_t tokens = 0;                // of all prompts
  double seconds = 0;
  std::vector<std::string> examples;  // "rows.jsonl:17: field 'answer' is missing (3 rows)"
  std::string lengths;                // of prompts, where some are too long
  std::string empty_answers;          // how many rows have an empty gold answer, and the first; or ""
  spec::SourceIdentity identity;
};

/// "3 have gold answers that the grader cannot read".
std::string unreadable_text(const IndexFigures& figures);

struct IndexReport {
  std::vector<IndexFigures> sources;  // those that are files, in their order
  data::Split split;                  // of the rows that are trained on; empty where every index is kept
};

/// throws: Error::user when a source is no file of rows, has none, or more than data.max_refused_share of its rows (and
/// at least eight) are refused; when held-out rows leave none to be trained on.
IndexReport make_indexes(const spec::DataJob& data, const IndexOptions& options);

}  // namespace muster::indexing

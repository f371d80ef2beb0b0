// The prompts of a run in their order: rows of a JSONL file (or a built-in task) through a template, the same on every
// rank.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::data {

class Tokenizer;

struct Prompt {
  std::int64_t row = 0;  // in the source, from 0, blank lines not counted
  std::vector<std::int32_t> tokens;
  std::string text, gold;
  std::string json;  // the row as it stands in the source
};

/// Where the source stands: part of the run's state. Position counts rows of the epoch's order, refused ones included.
struct Cursor {
  std::int64_t epoch = 0, position = 0;
  bool operator==(const Cursor&) const = default;
};

/// Which rows: all but the held-out ones, or only those. The held-out rows do not depend on the seed.
enum class Part { train, held_out };

/// The order is a permutation keyed by (seed, epoch); every rank that makes the same source sees the same rows and
/// refuses the same ones (a key missing, no JSON object, no UTF-8, empty or too long once tokenised).
class PromptSource {
 public:
  /// Opens data.path and indexes its lines. A template is encoded without the post-processor's tokens: it is literal.
  /// `tokenizer` is borrowed. throws: Error::user (no such file, no rows, a template that does not close).
  PromptSource(const spec::DataJob& data, std::uint64_t seed, const Tokenizer& tokenizer,
               std::int64_t max_sequence_tokens, Part part = Part::train);
  ~PromptSource();

  /// The next `count` rows that are good; moves the cursor, over the end of an epoch into the next.
  /// throws: Error::user naming the last refused row, when more than data.max_refused_share of the rows seen are
  /// refused (and at least 8 of them), or a whole epoch holds no good row.
  std::vector<Prompt> next_prompts(std::int64_t count);
  /// Row `row` of the source, whatever the order. throws: Error::user saying why when it is refused.
  Prompt prompt(std::int64_t row) const;

  std::int64_t num_rows() const;  // of this part
  std::int64_t refused() const;   // so far
  Cursor cursor() const;
  /// throws: Error::user when it cannot lie in this source.
  void set_cursor(const Cursor& cursor);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::data

// The prompts of a run in their order: rows of its sources through a template, the same on every rank.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/row_reader.h"
#include "runtime/data/split.h"
#include "runtime/spec/job.h"

namespace muster::data {

class Tokenizer;

/// Where the source stands: part of the run's state. Position counts rows of the epoch's order, refused ones included.
struct Cursor {
  std::int64_t epoch = 0, position = 0;
  bool operator==(const Cursor&) const = default;
};

struct PromptOptions {
  std::uint64_t seed = 0;
  std::int64_t max_sequence_tokens = 0;
  Part part = Part::train;  // which rows are held out does not depend on the seed
  /// RUN/data, where the indexes lie, and the model folder that they are made with. Empty: lines are looked for here.
  std::filesystem::path index_folder = {}, model = {};
  bool compare_prompts = false;   // count rows with equal prompts also where the split does not need it
  bool data_has_changed = false;  // a cursor past the last row begins the next epoch
};

/// Tokens that a prompt may have.
std::int64_t most_prompt_tokens(const spec::DataJob& data, std::int64_t max_sequence_tokens);
/// A share of few rows says nothing: so many are forgiven.
inline constexpr std::int64_t kForgivenRows = 8;

/// One epoch is a permutation keyed by (seed, epoch). With several sources it holds as many rows as they have together,
/// of each source its share by weight; a source that has fewer begins again, one that has more goes on in the next
/// epoch. Every rank that makes the same source sees the same rows and refuses the same ones (a key missing, no JSON
/// object, no UTF-8, empty or too long once tokenised).
class PromptSource {
 public:
  /// `tokenizer` is borrowed. throws: Error::user (no such file, no rows, a template that does not close, an index of
  /// something else).
  PromptSource(const spec::DataJob& data, const Tokenizer& tokenizer, const PromptOptions& options);
  ~PromptSource();
  PromptSource(PromptSource&&) noexcept;

  /// The next `count` rows that are good; moves the cursor, over the end of an epoch into the next.
  /// throws: Error::user naming the last refused row, when more than data.max_refused_share of the rows seen are
  /// refused (and at least 8 of them), or a whole epoch holds no good row.
  std::vector<Prompt> next_prompts(std::int64_t count);
  /// Row `row`, numbered over all sources, whatever the order. throws: Error::user saying why when it is refused.
  Prompt prompt(std::int64_t row) const;

  std::int64_t num_rows() const;  // of this part; of one epoch
  std::int64_t refused() const;   // so far
  /// How rows with equal prompts were dealt with; its lists of rows are empty.
  const Split& split() const;
  Cursor cursor() const;
  /// throws: Error::user when it cannot lie in this source.
  void set_cursor(const Cursor& cursor);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::data

// Which rows are trained on and which are held out. Rows with the same prompt fall on the same side, so that a problem
// that stands a hundred times in a data set is not learned in training and asked in validation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::data {

/// Which rows: those that are trained on, or those for validation (held out, or of a source that is validate_only).
enum class Part { train, held_out };

/// A hash of a rendered prompt, never 0.
std::uint64_t prompt_hash(const std::string& text);

struct SplitSource {
  std::int64_t rows = 0;
  std::vector<std::uint64_t> prompts;  // hash of each row's prompt; 0, or no list at all: unlike any other
  bool validate_only = false;
  bool deduplicate = false;  // of equal prompts only the first is kept
};

struct HeldOut {
  std::int64_t count = 0;
  double share = 0;  // of the prompts; wins over count
};

struct Split {
  std::vector<std::vector<std::int64_t>> rows;  // of each source, ascending
  std::int64_t trained_rows = 0, prompts = 0;   // of the sources that are trained on; different prompts among them
  std::int64_t most_often = 0;                  // rows of the prompt that stands there most often
  std::int64_t left_out = 0;                    // rows that only repeat one that is kept (deduplicate)
  std::int64_t repeat_held_out = 0;             // rows that are not trained on because validation asks their prompt
};

/// Held out are so many different prompts of the sources that are trained on, each by one row; which ones depends on
/// the rows alone, not on the seed. throws: Error::user when nothing would stay to be trained on.
Split split_rows(const std::vector<SplitSource>& sources, const HeldOut& held_out, Part part);

}  // namespace muster::data

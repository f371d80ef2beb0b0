// Letters: T tokens of a micro batch on this rank of cp, N scored tokens.
#include "runtime/train/packed_batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <map>

#include "runtime/base/error.h"

namespace muster::train {
namespace {

/// What goes into one micro batch together: one sequence, or sequences of a group behind one copy of their prompt.
struct Unit {
  std::vector<std::int64_t> sequences;
  std::int64_t num_tokens = 0;
};

struct Limits {
  std::int64_t tokens = 0, sequences = 0;
  bool allow(std::int64_t num_tokens, std::size_t num_sequences) const {
    return num_tokens <= tokens && static_cast<std::int64_t>(num_sequences) <= sequences;
  }
};

std::int64_t length_of(std::span<const std::int32_t> tokens) { return std::ssize(tokens); }
/// Tokens of an answer that are computed: the last one is only a target.
std::int64_t computed_of(const Sequence& sequence) { return length_of(sequence.answer) - 1; }

std::vector<Unit> single_units(std::span<const Sequence> sequences) {
  std::vector<Unit> units;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    if (sequences[s].answer.empty()) continue;
    units.push_back({{static_cast<std::int64_t>(s)}, length_of(sequences[s].prompt) + computed_of(sequences[s])});
  }
  return units;
}

/// Sequences of a group stay together as far as the limits allow.
std::vector<Unit> shared_units(std::span<const Sequence> sequences, const Limits& limits) {
  std::vector<Unit> units;
  std::map<std::int64_t, std::size_t> open;  // group -> its unit that still takes sequences
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const Sequence& sequence = sequences[s];
    if (sequence.answer.empty()) continue;
    const auto found = open.find(sequence.group);
    if (found != open.end()) {
      Unit& unit = units[found->second];
      INVARIANT(std::ranges::equal(sequences[unit.sequences.front()].prompt, sequence.prompt),
                "sequences of one group share their prompt");
      if (limits.allow(unit.num_tokens + computed_of(sequence), unit.sequences.size() + 1)) {
        unit.sequences.push_back(static_cast<std::int64_t>(s));
        unit.num_tokens += computed_of(sequence);
        continue;
      }
    }
    open[sequence.group] = units.size();
    units.push_back({{static_cast<std::int64_t>(s)}, length_of(sequence.prompt) + computed_of(sequence)});
  }
  return units;
}

/// First fit, longest first. Returns the units of each batch.
std::vector<std::vector<Unit>> fit(std::vector<Unit> units, const Limits& limits) {
  std::ranges::stable_sort(units, std::greater(), &Unit::num_tokens);
  struct Bin {
    std::int64_t num_tokens = 0;
    std::size_t num_sequences = 0;
  };
  std::vector<Bin> bins;
  std::vector<std::vector<Unit>> batches;
  for (Unit& unit : units) {
    const auto fits = [&](const Bin& bin) {
      return limits.allow(bin.num_tokens + unit.num_tokens, bin.num_sequences + unit.sequences.size());
    };
    auto bin = std::ranges::find_if(bins, fits);
    if (bin == bins.end()) {
      bin = bins.insert(bins.end(), Bin{});
      batches.emplace_back();
    }
    bin->num_tokens += unit.num_tokens;
    bin->num_sequences += unit.sequences.size();
    batches[bin - bins.begin()].push_back(std::move(unit));
  }
  return batches;
}

/// Writes one micro batch down, segment after segment.
class BatchWriter {
 public:
  BatchWriter(std::span<const Sequence> sequences, const Packing& packing, at::Device device)
      : sequences_(sequences), packing_(packing), device_(device) {}

  void add(const Unit& unit) {
    if (unit.sequences.size() == 1) {
      add_whole(unit.sequences.front());
    } else {
      add_shared(unit);
    }
  }

  PackedBatch finish() {
    if (packing_.cp > 1)
      keep_own_tokens();
    else
      fill_up();
    batch_.num_tokens = num_tokens();
    batch_.tokens_T = tensor_of(tokens_);
    batch_.positions_T = tensor_of(positions_);
    batch_.rows_N = tensor_of(rows_);
    batch_.targets_N = tensor_of(targets_);
    return std::move(batch_);
  }

 private:
  std::int64_t num_tokens() const { return std::ssize(tokens_); }

  void fill_up() {
    const std::int64_t begin = num_tokens(), multiple = packing_.token_multiple;
    const std::int64_t filled = std::max<std::int64_t>(1, spec::divided_up(begin, multiple)) * multiple;
    if (filled == begin) return;
    batch_.segments.push_back({.begin = begin, .length = filled - begin});
    tokens_.resize(static_cast<std::size_t>(filled));
    positions_.resize(tokens_.size());
  }

  /// Of the whole batch what this rank of cp holds: tokens, positions and what they score.
  void keep_own_tokens() {
    batch_.share =
        parallel::context_share(batch_.segments, packing_.cp, packing_.cp_rank, packing_.token_multiple, device_);
    std::vector<std::int64_t> own_row(tokens_.size(), -1);
    std::vector<std::int64_t> tokens, positions;
    for (const std::int64_t token : batch_.share.tokens) {
      if (token >= 0) own_row[token] = std::ssize(tokens);
      tokens.push_back(token < 0 ? 0 : tokens_[token]);
      positions.push_back(token < 0 ? 0 : positions_[token]);
    }
    std::size_t kept = 0;
    for (std::size_t n = 0; n < rows_.size(); ++n) {
      if (own_row[rows_[n]] < 0) continue;
      rows_[kept] = own_row[rows_[n]];
      targets_[kept] = targets_[n];
      batch_.sequence_of_N[kept] = batch_.sequence_of_N[n];
      batch_.position_of_N[kept] = batch_.position_of_N[n];
      ++kept;
    }
    for (auto* const list : {&rows_, &targets_, &batch_.sequence_of_N, &batch_.position_of_N}) list->resize(kept);
    tokens_ = std::move(tokens);
    positions_ = std::move(positions);
  }

  at::Tensor tensor_of(const std::vector<std::int64_t>& values) const {
    return at::tensor(values, at::kLong).to(device_);
  }

  void append(std::span<const std::int32_t> tokens, std::int64_t first_position) {
    for (const std::int32_t token : tokens) {
      tokens_.push_back(token);
      positions_.push_back(first_position++);
    }
  }

  /// Scores the answer of sequence `s`: its first token from row `before`, the others from the rows that begin at
  /// `first`.
  void score(std::int64_t s, std::int64_t before, std::int64_t first) {
    const auto& answer = sequences_[s].answer;
    batch_.sequences.push_back(s);
    for (std::int64_t position = 0; position < length_of(answer); ++position) {
      rows_.push_back(position == 0 ? before : first + position - 1);
      targets_.push_back(answer[position]);
      batch_.sequence_of_N.push_back(s);
      batch_.position_of_N.push_back(position);
    }
  }

  void add_whole(std::int64_t s) {
    const Sequence& sequence = sequences_[s];
    const std::int64_t begin = num_tokens();
    append(sequence.prompt, 0);
    append(sequence.answer.first(sequence.answer.size() - 1), length_of(sequence.prompt));
    batch_.segments.push_back({.begin = begin, .length = num_tokens() - begin});
    score(s, begin + length_of(sequence.prompt) - 1, begin + length_of(sequence.prompt));
  }

  void add_shared(const Unit& unit) {
    const auto& prompt = sequences_[unit.sequences.front()].prompt;
    const std::int64_t begin = num_tokens();
    const auto prefix = std::ssize(batch_.segments);
    append(prompt, 0);
    batch_.segments.push_back({.begin = begin, .length = length_of(prompt)});
    for (const std::int64_t s : unit.sequences) {
      const Sequence& sequence = sequences_[s];
      const std::int64_t first = num_tokens();
      append(sequence.answer.first(sequence.answer.size() - 1), length_of(prompt));
      if (computed_of(sequence) > 0)
        batch_.segments.push_back({.begin = first, .length = computed_of(sequence), .prefix = prefix});
      score(s, begin + length_of(prompt) - 1, first);
    }
  }

  std::span<const Sequence> sequences_;
  const Packing& packing_;
  at::Device device_;
  PackedBatch batch_;
  std::vector<std::int64_t> tokens_, positions_, rows_, targets_;
};

}  // namespace

PackedBatch idle_batch(const Packing& packing, at::Device device) { return BatchWriter({}, packing, device).finish(); }

std::vector<PackedBatch> pack(std::span<const Sequence> sequences, const Packing& packing, at::Device device) {
  for (const Sequence& sequence : sequences)
    INVARIANT(!sequence.prompt.empty(), "the first answer token is predicted from the prompt's last row");
  const Limits limits{
      .tokens = packing.max_tokens,
      .sequences = packing.max_sequences > 0 ? packing.max_sequences : std::numeric_limits<std::int64_t>::max()};
  std::vector<PackedBatch> batches;
  for (const auto& units :
       fit(packing.share_prompt ? shared_units(sequences, limits) : single_units(sequences), limits)) {
    BatchWriter writer(sequences, packing, device);
    for (const Unit& unit : units) writer.add(unit);
    batches.push_back(writer.finish());
  }
  return batches;
}

}  // namespace muster::train

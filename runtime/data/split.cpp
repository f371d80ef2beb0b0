#include "runtime/data/split.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"

namespace muster::data {
namespace {

/// Numbers the prompts of all rows, 0 up to how many there are; a row whose prompt is not known has none.
class PromptIds {
 public:
  explicit PromptIds(const std::vector<SplitSource>& sources) {
    for (const SplitSource& source : sources)
      hashes_.insert(hashes_.end(), source.prompts.begin(), source.prompts.end());
    std::sort(hashes_.begin(), hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  }
  std::size_t count() const { return hashes_.size(); }
  /// count() where it is not known.
  std::size_t of(const SplitSource& source, std::int64_t row) const {
    const std::uint64_t hash = source.prompts.empty() ? 0 : source.prompts[row];
    if (hash == 0) return count();
    return static_cast<std::size_t>(std::lower_bound(hashes_.begin(), hashes_.end(), hash) - hashes_.begin());
  }

 private:
  std::vector<std::uint64_t> hashes_;
};

class Splitter {
 public:
  explicit Splitter(const std::vector<SplitSource>& sources)
      : sources_(sources), ids_(sources), is_held_out_(ids_.count(), 0), is_kept_(sources.size()) {
    for (std::size_t s = 0; s < sources.size(); ++s) is_kept_[s].assign(static_cast<std::size_t>(sources[s].rows), 1);
    leave_out_repeats();
    leave_out_validated();
    count();
  }

  void hold_out(const HeldOut& wanted) {
    const std::int64_t held_out =
        wanted.share > 0 ? std::llround(wanted.share * static_cast<double>(split_.prompts)) : wanted.count;
    if (held_out < 0 || held_out >= split_.prompts) fail(held_out, wanted.share > 0);
    if (held_out == 0) return;
    // Rows are drawn from all sources that are trained on, laid one after the other.
    const base::RandomKey key(0, base::Purpose::data_order, ~std::uint64_t{0});
    for (const std::int64_t drawn : base::permutation(key, split_.trained_rows)) {
      if (std::ssize(held_out_) == held_out) break;
      const auto [s, row] = trained_row(drawn);
      const std::size_t id = ids_.of(sources_[s], row);
      if (!kept(s, row) || (id < ids_.count() && is_held_out_[id])) continue;
      if (id < ids_.count()) is_held_out_[id] = 1;
      kept(s, row) = 0;
      held_out_.emplace_back(s, row);
    }
    for (std::size_t s = 0; s < sources_.size(); ++s) drop_held_out(s);
  }

  Split take(Part part) {
    split_.rows.resize(sources_.size());
    for (std::size_t s = 0; s < sources_.size(); ++s)
      for (std::int64_t row = 0; row < sources_[s].rows; ++row)
        if (kept(s, row) && sources_[s].validate_only == (part == Part::held_out)) split_.rows[s].push_back(row);
    if (part == Part::held_out) {
      std::sort(held_out_.begin(), held_out_.end());
      for (const auto& [s, row] : held_out_) split_.rows[s].push_back(row);
    }
    return std::move(split_);
  }

 private:
  char& kept(std::size_t source, std::int64_t row) { return is_kept_[source][row]; }

  /// The source and row that number `drawn` is among all rows that are trained on.
  std::pair<std::size_t, std::int64_t> trained_row(std::int64_t drawn) const {
    std::size_t s = 0;
    for (; sources_[s].validate_only || drawn >= sources_[s].rows; ++s)
      if (!sources_[s].validate_only) drawn -= sources_[s].rows;
    return {s, drawn};
  }

  /// Sources for validation have first rows of their own: what they repeat of the others is asked all the same.
  void leave_out_repeats() {
    std::vector<char> seen[2] = {std::vector<char>(ids_.count(), 0), std::vector<char>(ids_.count(), 0)};
    for (std::size_t s = 0; s < sources_.size(); ++s)
      for (std::int64_t row = 0; row < sources_[s].rows && sources_[s].deduplicate; ++row) {
        const std::size_t id = ids_.of(sources_[s], row);
        if (id == ids_.count()) continue;
        char& before = seen[sources_[s].validate_only ? 1 : 0][id];
        if (before) kept(s, row) = 0, ++split_.left_out;
        before = 1;
      }
  }

  void leave_out_validated() {
    for (const SplitSource& source : sources_)
      for (std::int64_t row = 0; row < source.rows && source.validate_only; ++row)
        if (const std::size_t id = ids_.of(source, row); id < ids_.count()) is_held_out_[id] = 1;
    for (std::size_t s = 0; s < sources_.size(); ++s) drop_held_out(s);
  }

  void drop_held_out(std::size_t s) {
    for (std::int64_t row = 0; row < sources_[s].rows && !sources_[s].validate_only; ++row) {
      const std::size_t id = ids_.of(sources_[s], row);
      if (!kept(s, row) || id == ids_.count() || !is_held_out_[id]) continue;
      kept(s, row) = 0;
      ++split_.repeat_held_out;
    }
  }

  /// Rows and prompts of the sources that are trained on, before any are held out.
  void count() {
    std::vector<std::int64_t> times(ids_.count(), 0);
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      if (sources_[s].validate_only) continue;
      split_.trained_rows += sources_[s].rows;
      for (std::int64_t row = 0; row < sources_[s].rows; ++row) {
        const std::size_t id = ids_.of(sources_[s], row);
        if (id == ids_.count())
          ++split_.prompts;
        else if (kept(s, row) && times[id]++ == 0)
          ++split_.prompts;
      }
    }
    for (const std::int64_t each : times) split_.most_often = std::max(split_.most_often, each);
  }

  [[noreturn]] void fail(std::int64_t held_out, bool by_share) const {
    if (held_out == 0)
      throw Error::user({.what = base::text("nothing stays to be trained on: each of the ", split_.trained_rows,
                                            " rows has the prompt of a row in a validate_only source"),
                         .where = "data.sources",
                         .fix = "rows for validation are never trained on: take other rows for one of the two, or hold "
                                "out some with data.held_out"});
    const bool repeats = split_.prompts < split_.trained_rows;
    throw Error::user({.what = repeats ? base::text(held_out, " prompts of ", split_.prompts, " different ones in ",
                                                    split_.trained_rows, " rows cannot be held out")
                                       : base::text(held_out, " rows of ", split_.trained_rows, " cannot be held out"),
                       .where = by_share ? "data.held_out_share" : "data.held_out",
                       .fix = "at least one has to stay to be trained on"});
  }

  const std::vector<SplitSource>& sources_;
  const PromptIds ids_;
  std::vector<char> is_held_out_;           // by prompt
  std::vector<std::vector<char>> is_kept_;  // by source and row
  std::vector<std::pair<std::size_t, std::int64_t>> held_out_;
  Split split_;
};

}  // namespace

std::uint64_t prompt_hash(const std::string& text) {
  const std::uint64_t hash = base::hash_bytes(text.data(), text.size());
  return hash == 0 ? 1 : hash;
}

Split split_rows(const std::vector<SplitSource>& sources, const HeldOut& held_out, Part part) {
  Splitter splitter(sources);
  splitter.hold_out(held_out);
  return splitter.take(part);
}

}  // namespace muster::data

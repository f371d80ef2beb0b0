// R: rows of logits; V: entries of the vocabulary, cut over tp; N: slots.
#include "runtime/generate/sampler.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/forms.h"
#include "runtime/generate/draw_form.h"
#include "runtime/generate/filters.h"
#include "runtime/generate/gumbel.h"
#include "runtime/ops/on_host.h"
#include "runtime/ops/threads.h"

namespace muster::generate {

/// What one part of the vocabulary says of a draw. Doubles alone, so that an array of it is a tensor.
struct Sampler::Best {
  double score = -std::numeric_limits<double>::infinity();
  double entry = -1;
  double z = 0;            // scaled logit of the entry
  double log_sum_exp = 0;  // of the part, after filters
  double raw_log_sum_exp = 0;
};

namespace {

constexpr std::int64_t kBestWidth = 5;

/// Rows of the whole vocabulary from the parts of all ranks. collective: tp.
at::Tensor gather_rows(comm::Communicator& tp, const at::Tensor& part_RV, std::int64_t vocab_size) {
  if (tp.size() == 1) return part_RV;
  const std::int64_t rows = part_RV.size(0), width = spec::part_of(vocab_size, tp.size(), 0).size();
  at::Tensor padded = at::zeros({rows, width}, part_RV.options());
  padded.narrow(1, 0, part_RV.size(1)).copy_(part_RV);
  at::Tensor gathered = at::empty({tp.size(), rows, width}, part_RV.options());
  tp.all_gather(gathered, padded, "generate.logits");
  at::Tensor whole = at::empty({rows, vocab_size}, part_RV.options());
  for (std::int64_t rank = 0; rank < tp.size(); ++rank) {
    const spec::Range range = spec::part_of(vocab_size, tp.size(), rank);
    whole.narrow(1, range.begin, range.size()).copy_(gathered.select(0, rank).narrow(1, 0, range.size()));
  }
  return whole;
}

double log_sum_exp(double a, double b) {
  const double larger = std::max(a, b);
  return larger + std::log(std::exp(a - larger) + std::exp(b - larger));
}

/// The noise of a sample belongs to it alone, whatever batch or layout it is drawn in.
base::RandomKey key_of(std::uint64_t seed, const SampleSlot& slot) {
  const auto who = static_cast<std::uint64_t>(slot.group) << 24 | static_cast<std::uint64_t>(slot.sample);
  return {seed, base::Purpose::sampling, static_cast<std::uint64_t>(slot.step), who};
}

[[noreturn]] void refuse_logits(const SampleSlot& slot) {
  throw Error::user({base::text("the model's logits are not finite at token ", slot.position, " of the answer"),
                     base::text("group ", slot.group, ", sample ", slot.sample),
                     "the weights have diverged or are broken: lower optimizer.lr, or check the model folder"});
}

}  // namespace

Sampler::Sampler(const spec::SamplingJob& sampling, std::uint64_t seed, const spec::Range& vocabulary,
                 std::int64_t vocab_size)
    : sampling_(sampling),
      seed_(seed),
      vocabulary_(vocabulary),
      vocab_size_(vocab_size),
      has_filters_(sampling.temperature > 0 &&
                   ((sampling.top_k > 0 && sampling.top_k < vocab_size) || sampling.top_p < 1)) {}

/// Lays out one row and slots from it as often as `slots` says.
void Sampler::draw_row_of(const float* logits_V, const spec::Range& range, std::span<const SampleSlot> slots,
                          std::vector<float>& scratch, Best* best) const {
  const std::int64_t num_blocks = draw_blocks(range.begin, range.end);
  scratch.resize(static_cast<std::size_t>(num_blocks * (kDrawBlock + 1)));
  DrawRow row{.z = scratch.data(), .block_maxima = scratch.data() + num_blocks * kDrawBlock};
  const bool is_greedy = sampling_.temperature == 0;
  lay_row(logits_V, range.begin, range.end, is_greedy ? 1.0F : static_cast<float>(1 / sampling_.temperature), row);
  RowFigures figures = summarize_row(row);
  const double raw_log_sum_exp = figures.log_sum_exp;
  if (has_filters_ && std::isfinite(raw_log_sum_exp)) {
    keep_top({row.z, static_cast<std::size_t>(vocab_size_)}, sampling_.top_k, sampling_.top_p);
    figures = summarize_row(row);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const SampleSlot& slot = slots[i];
    Winner winner{figures.maximum, figures.argmax};
    if (!is_greedy) {
      winner = draw_row(row, key_of(seed_, slot), slot.position, figures.argmax);
    }
    best[i] = {.log_sum_exp = figures.log_sum_exp, .raw_log_sum_exp = raw_log_sum_exp};
    if (winner.entry < 0) continue;
    best[i].score = static_cast<double>(winner.score);
    best[i].entry = static_cast<double>(winner.entry);
    best[i].z = static_cast<double>(row.z[winner.entry - row.first_block * kDrawBlock]);
  }
}

/// By the form of the logits' device; [N, 5] stays there.
at::Tensor Sampler::draw_on_device(const at::Tensor& logits_RV, std::span<const SampleSlot> slots) const {
  const bool is_greedy = sampling_.temperature == 0;
  std::vector<std::int64_t> words;
  for (const SampleSlot& slot : slots) {
    const base::RandomKey key = key_of(seed_, slot);
    words.insert(words.end(), {slot.row, slot.position, key.key()[0], key.key()[1], key.stream()[0], key.stream()[1]});
  }
  const at::Tensor draws_N6 = at::tensor(words, at::kLong).view({-1, 6}).to(logits_RV.device());
  return device::cuda_form<DrawRows>(kDrawRows)(logits_RV, draws_N6, is_greedy ? 1 : 1 / sampling_.temperature,
                                                vocabulary_.begin, is_greedy);
}

at::Tensor Sampler::draw_on_host(const at::Tensor& rows_RV, const spec::Range& range,
                                 std::span<const SampleSlot> slots) const {
  const auto num_draws = std::ssize(slots);
  at::Tensor best_N5 = at::empty({num_draws, kBestWidth}, at::kDouble);
  Best* const best = reinterpret_cast<Best*>(best_N5.mutable_data_ptr<double>());
  const float* const rows = rows_RV.const_data_ptr<float>();
  ops::parallel_rows(num_draws, 8, [&](std::int64_t begin, std::int64_t end, int /*thread*/) {
    std::vector<float> scratch;
    while (begin < end) {
      std::int64_t next = begin + 1;
      const std::int64_t row = slots[begin].row;
      while (next < end && slots[next].row == row) ++next;
      draw_row_of(rows + row * range.size(), range,
                  slots.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(next - begin)), scratch,
                  best + begin);
      begin = next;
    }
  });
  return best_N5;
}

void Sampler::draw(comm::Communicator& tp, const at::Tensor& logits_RV, std::span<const SampleSlot> slots,
                   std::vector<SampledToken>& drawn) const {
  static_assert(sizeof(Best) == kBestWidth * sizeof(double));
  drawn.clear();
  if (slots.empty()) return;  // the same on every rank
  INVARIANT(logits_RV.size(1) == vocabulary_.size(), "logits cover this rank's part of the vocabulary");
  const auto num_draws = std::ssize(slots);
  at::Tensor best_N5;
  if (!has_filters_ && logits_RV.is_cuda() && device::has_form(kDrawRows)) {
    best_N5 = draw_on_device(logits_RV, slots);
    if (tp.size() == 1) best_N5 = ops::on_host(best_N5);
  } else if (!has_filters_ && logits_RV.is_meta()) {
    best_N5 = at::empty({num_draws, kBestWidth}, logits_RV.options().dtype(at::kDouble));
    if (tp.size() == 1) best_N5 = ops::on_host(best_N5);
  } else {
    at::Tensor rows_RV = logits_RV.to(at::kFloat).contiguous();
    if (has_filters_) rows_RV = gather_rows(tp, rows_RV, vocab_size_);
    best_N5 = draw_on_host(ops::on_host(rows_RV), has_filters_ ? spec::Range{0, vocab_size_} : vocabulary_, slots);
  }

  at::Tensor all_PN5 = best_N5.unsqueeze(0);
  if (!has_filters_ && tp.size() > 1) {
    const at::Tensor mine = best_N5.to(logits_RV.device());
    at::Tensor gathered = at::empty({tp.size(), num_draws, kBestWidth}, mine.options());
    tp.all_gather(gathered, mine, "generate.sample");
    all_PN5 = ops::on_host(gathered);
  }
  const auto* const parts = reinterpret_cast<const Best*>(all_PN5.const_data_ptr<double>());
  drawn.reserve(slots.size());
  for (std::int64_t i = 0; i < num_draws; ++i) {
    Best winner = parts[i];
    for (std::int64_t part = 1; part < all_PN5.size(0);
         ++part) {  // in order of entries: of equal scores the lowest wins
      const Best& other = parts[part * num_draws + i];
      const double sum = log_sum_exp(winner.log_sum_exp, other.log_sum_exp);
      if (other.score > winner.score) winner = other;
      winner.log_sum_exp = winner.raw_log_sum_exp = sum;
    }
    if (!std::isfinite(winner.raw_log_sum_exp) || winner.entry < 0) refuse_logits(slots[i]);
    drawn.push_back({static_cast<std::int32_t>(winner.entry), static_cast<float>(winner.z - winner.log_sum_exp),
                     static_cast<float>(winner.z - winner.raw_log_sum_exp)});
  }
}

}  // namespace muster::generate

#include "runtime/indexing/refusals.h"

#include <algorithm>

#include "runtime/base/utf8.h"

namespace muster::indexing {
namespace {

constexpr std::size_t kMostFaults = 64, kSampleBytes = 64 << 10;

}  // namespace

void RowFaults::add(std::size_t row, std::string what) {
  what = base::lossy_utf8(what);
  const auto known =
      std::find_if(faults_.begin(), faults_.end(), [&](const RowFault& fault) { return fault.what == what; });
  if (known != faults_.end())
    ++known->rows;
  else if (faults_.size() < kMostFaults)
    faults_.push_back({std::move(what), row, 1});
}

void RowFaults::append(const RowFaults& next, std::size_t first_row) {
  for (const RowFault& fault : next.faults_) {
    const auto known =
        std::find_if(faults_.begin(), faults_.end(), [&](const RowFault& mine) { return mine.what == fault.what; });
    if (known != faults_.end())
      known->rows += fault.rows;
    else if (faults_.size() < kMostFaults)
      faults_.push_back({fault.what, first_row + fault.row, fault.rows});
  }
}

void EncodingFigures::add(std::size_t row, std::string_view line) {
  if (std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return;
  ++beyond_ascii;
  if (base::is_utf8(line)) return;
  if (wrong++ == 0) first_row = row;
  if (text.size() < kSampleBytes) text += line.substr(0, kSampleBytes - text.size());
}

void EncodingFigures::append(const EncodingFigures& next, std::size_t first) {
  if (wrong == 0) first_row = first + next.first_row;
  beyond_ascii += next.beyond_ascii;
  wrong += next.wrong;
  if (text.size() < kSampleBytes) text += next.text.substr(0, kSampleBytes - text.size());
}

PromptLengths lengths_of(const std::vector<std::int32_t>& tokens) {
  PromptLengths lengths;
  std::vector<std::int32_t> made;
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    if (tokens[row] < 0) continue;
    made.push_back(tokens[row]);
    if (tokens[row] > lengths.longest) lengths.longest = tokens[row], lengths.longest_row = row;
  }
  if (made.empty()) return lengths;
  const auto at = made.begin() + static_cast<std::ptrdiff_t>((made.size() - 1) * 95 / 100);
  std::nth_element(made.begin(), at, made.end());
  lengths.p95 = *at;
  return lengths;
}

}  // namespace muster::indexing

#include "runtime/spec/answer_lengths.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"

namespace muster::spec {
namespace {

constexpr std::int64_t kMostTokens = 100'000'000;

using base::text;

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw Error::user({.what = what,
                     .where = where,
                     .fix = "\"fixed:1056\", \"uniform:200-2000\", or a file with lines of a length in tokens and how "
                            "many answers have it"});
}

std::optional<std::int64_t> integer_of(std::string_view word) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failure != std::errc() || end != word.data() + word.size()) return {};
  return value;
}

std::int64_t length_of(std::string_view word, const std::string& where) {
  const auto number = integer_of(word);
  if (!number || *number < 1 || *number > kMostTokens) refuse(text("'", word, "' is no length of an answer"), where);
  return *number;
}

/// Answers by their length.
std::map<std::int64_t, double> read_histogram(const std::string& path, const std::string& where) {
  if (!base::is_there(path)) refuse(text("sampling.lengths = \"", path, "\": there is no such file"), where);
  std::map<std::int64_t, double> counts;
  std::int64_t number = 0;
  for (const std::string& line : base::split(base::read_file(path), '\n')) {
    ++number;
    const std::string place = text(path, ":", number);
    std::vector<std::string> words;
    for (const std::string& word : base::split(line.substr(0, line.find('#')), ' '))
      if (const std::string bare = base::trim(word); !bare.empty()) words.push_back(bare);
    if (words.empty()) continue;
    if (words.size() != 2) refuse("the line is not a length and a count", place);
    const auto count = integer_of(words[1]);
    if (!count || *count < 0) refuse(text("'", words[1], "' is no count of answers"), place);
    if (*count > 0) counts[length_of(words[0], place)] += static_cast<double>(*count);
  }
  if (counts.empty()) refuse("the file counts no answers", path);
  return counts;
}

}  // namespace

AnswerLengths AnswerLengths::parse(const std::string& rule, const std::string& where) {
  AnswerLengths lengths;
  if (rule.starts_with("fixed:")) {
    const std::int64_t tokens = length_of(std::string_view(rule).substr(6), where);
    lengths.classes_ = {{tokens, tokens, 1}};
  } else if (rule.starts_with("uniform:")) {
    const std::string range = rule.substr(8);
    const std::size_t dash = range.find('-');
    if (dash == std::string::npos) refuse(text("'", range, "' is no range of lengths"), where);
    const std::int64_t first = length_of(range.substr(0, dash), where), last = length_of(range.substr(dash + 1), where);
    if (first > last) refuse(text("the range of lengths ", range, " ends before it begins"), where);
    lengths.classes_ = {{first, last, 1}};
  } else {
    const std::map<std::int64_t, double> counts = read_histogram(rule, where);
    double total = 0, sum = 0;
    for (const auto& [tokens, count] : counts) total += count;
    for (const auto& [tokens, count] : counts) lengths.classes_.push_back({tokens, tokens, (sum += count) / total});
  }
  return lengths;
}

std::int64_t AnswerLengths::of(std::uint64_t seed, std::int64_t step, std::int64_t group, std::int64_t sample) const {
  const base::RandomKey key(seed, base::Purpose::synthetic, static_cast<std::uint64_t>(step),
                            static_cast<std::uint64_t>(group));
  const auto index = static_cast<std::uint64_t>(sample);
  const double at = key.uniform(index, 0);
  const auto found = std::find_if(classes_.begin(), classes_.end(), [at](const Class& c) { return at < c.share; });
  const Class& chosen = found == classes_.end() ? classes_.back() : *found;
  const auto width = static_cast<double>(chosen.last - chosen.first + 1);
  return std::min(chosen.last, chosen.first + static_cast<std::int64_t>(key.uniform(index, 1) * width));
}

double AnswerLengths::mean() const {
  double mean = 0, before = 0;
  for (const Class& c : classes_) {
    mean += (c.share - before) * static_cast<double>(c.first + c.last) / 2;
    before = c.share;
  }
  return mean;
}

double random_reward(std::uint64_t seed, std::int64_t weight_version, std::int64_t group, std::int64_t sample) {
  const base::RandomKey key(seed, base::Purpose::synthetic, static_cast<std::uint64_t>(weight_version),
                            static_cast<std::uint64_t>(group));
  return key.uniform(static_cast<std::uint64_t>(sample), 2) < 0.5 ? 0 : 1;
}

}  // namespace muster::spec

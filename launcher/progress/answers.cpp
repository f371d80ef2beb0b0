#include "launcher/progress/answers.h"

#include <algorithm>
#include <set>

#include "launcher/page/figure_text.h"
#include "runtime/base/text.h"

namespace muster::progress {

using page::columns_of;
using page::harmless;
using page::Ink;
using page::Line;
using page::padded;
using page::reward_text;
using page::shortened;
using page::Style;
using records::SampleLine;
namespace {

/// Markers between < and > become line breaks: <|...|>, <bos>, <s>, [INST] and their ends.
std::string without_markers(const std::string& prompt) {
  static const std::set<std::string> kMarkers{"<bos>",   "<eos>",           "<s>",          "</s>", "<pad>", "[INST]",
                                              "[/INST]", "<start_of_turn>", "<end_of_turn>"};
  std::string out;
  for (std::size_t at = 0; at < prompt.size();) {
    std::size_t end = std::string::npos;
    if (prompt.compare(at, 2, "<|") == 0) end = prompt.find("|>", at + 2);
    if (end != std::string::npos && end - at < 48 && prompt.find_first_of("\n ", at) > end) {
      out += '\n';
      at = end + 2;
      continue;
    }
    const auto marker = std::find_if(kMarkers.begin(), kMarkers.end(),
                                     [&](const std::string& m) { return prompt.compare(at, m.size(), m) == 0; });
    if (marker != kMarkers.end()) {
      out += '\n';
      at += marker->size();
      continue;
    }
    out += prompt[at++];
  }
  return out;
}

std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
    } else if (!word.empty()) {
      words.insert(word);
      word.clear();
    }
  }
  return words;
}

/// 2: the same prompt; otherwise the share of words that both have.
double likeness(const SampleLine& a, const SampleLine& b) {
  if (a.prompt == b.prompt) return 2;
  const std::set<std::string> words_a = words_of(prompt_essence(a.prompt)),
                              words_b = words_of(prompt_essence(b.prompt));
  std::size_t common = 0;
  for (const std::string& word : words_a) common += words_b.count(word);
  const std::size_t all = words_a.size() + words_b.size() - common;
  return all == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all);
}

/// "   gold 18" behind an answer that was graded and is not right; nothing where the row gives none, or the same words.
std::string gold_text(const SampleLine& sample, const Style& style) {
  const bool right = sample.reward >= 1 && (sample.outcome.empty() || sample.outcome == "graded");
  if (right || sample.gold.empty() || sample.gold == sample.text) return "";
  return "   gold " + shortened(harmless(sample.gold, style), 24, style);
}

}  // namespace

std::string prompt_essence(const std::string& prompt) {
  static const std::set<std::string> kRoles{"system", "user", "assistant", "model"};
  std::vector<std::string> kept;
  for (const std::string& raw : base::split(without_markers(prompt), '\n')) {
    const std::string line = base::trim(raw);
    if (line == "user" || line == "assistant" || line == "model") {
      if (line == "user") kept.clear();
    } else if (!line.empty() && kRoles.count(line) == 0) {
      kept.push_back(line);
    }
  }
  return base::join(kept, " ");
}

Line verdict_mark(const SampleLine& sample, const Style& style) {
  if (!sample.outcome.empty() && sample.outcome != "graded") return {sample.outcome, Ink::yellow};
  if (sample.reward >= 1) return {style.sign("✓", "right"), Ink::green};
  if (sample.reward <= 0) return {style.sign("✗", "wrong"), Ink::red};
  return {reward_text(sample.reward), Ink::yellow};
}

std::vector<SampleLine> few_samples(const std::vector<SampleLine>& samples, std::size_t count) {
  std::vector<SampleLine> few;
  std::set<std::string> prompts;
  for (const SampleLine& sample : samples) {
    if (few.size() < count && prompts.insert(sample.prompt).second) few.push_back(sample);
  }
  return few;
}

std::vector<Line> sample_lines(const std::vector<SampleLine>& samples, const Style& style) {
  std::int64_t prompt_columns = 0, mark_columns = 0;
  for (const SampleLine& sample : samples) {
    prompt_columns = std::max(prompt_columns, columns_of(harmless(prompt_essence(sample.prompt), style)));
    mark_columns = std::max(mark_columns, verdict_mark(sample, style).columns());
  }
  const std::int64_t room = std::max<std::int64_t>(10, style.columns - mark_columns - 6);
  prompt_columns = std::min(prompt_columns, room / 2);
  std::vector<Line> lines;
  for (const SampleLine& sample : samples) {
    const Line mark = verdict_mark(sample, style);
    const std::string answer = harmless(sample.text, style);
    Line line("  ");
    line.add(mark).add(std::string(static_cast<std::size_t>(mark_columns - mark.columns() + 1), ' '));
    line.add(padded(shortened(harmless(prompt_essence(sample.prompt), style), prompt_columns, style), prompt_columns),
             Ink::dim)
        .add("   ");
    std::string gold = gold_text(sample, style);
    if (room - prompt_columns - columns_of(gold) < 10) gold.clear();
    const std::int64_t answer_columns = room - prompt_columns - columns_of(gold);
    line.add(answer.empty() ? "(nothing)" : shortened(answer, answer_columns, style)).add(gold, Ink::dim);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::pair<SampleLine, SampleLine>> alike_pairs(const std::vector<SampleLine>& before,
                                                           const std::vector<SampleLine>& after, std::size_t count) {
  struct Candidate {
    double likeness;
    std::size_t before, after;
  };
  std::vector<Candidate> candidates;
  for (std::size_t b = 0; b < before.size(); ++b)
    for (std::size_t a = 0; a < after.size(); ++a) candidates.push_back({likeness(before[b], after[a]), b, a});
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& x, const Candidate& y) { return x.likeness > y.likeness; });
  std::vector<std::pair<SampleLine, SampleLine>> pairs;
  std::set<std::size_t> used_before, used_after;
  for (const Candidate& candidate : candidates) {
    if (pairs.size() == count) break;
    if (used_before.count(candidate.before) > 0 || used_after.count(candidate.after) > 0) continue;
    used_before.insert(candidate.before);
    used_after.insert(candidate.after);
    pairs.emplace_back(before[candidate.before], after[candidate.after]);
  }
  return pairs;
}

}  // namespace muster::progress

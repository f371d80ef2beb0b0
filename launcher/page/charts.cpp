#include "launcher/page/charts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/base/text.h"

namespace muster::page {
namespace {

using base::number_text;

std::string repeated(const std::string& sign, std::int64_t count) {
  std::string out;
  for (std::int64_t i = 0; i < count; ++i) out += sign;
  return out;
}

struct KnownPhase {
  const char* key;
  const char* name;
  char letter;
  Ink ink;
};
constexpr std::array<KnownPhase, 8> kKnown{{{"generate_s", "generate", 'g', Ink::cyan},
                                            {"reward_s", "reward", 'w', Ink::yellow},
                                            {"logprob_s", "logprob", 'l', Ink::magenta},
                                            {"train_s", "train", 't', Ink::green},
                                            {"refit_s", "refit", 'r', Ink::blue},
                                            {"checkpoint_s", "checkpoint", 'c', Ink::red},
                                            {"log_s", "other", '.', Ink::dim},
                                            {"other_s", "other", '.', Ink::dim}}};

/// Means of `columns` neighbouring runs of values.
std::vector<double> gathered(const std::vector<double>& values, std::int64_t columns) {
  const auto count = std::ssize(values);
  if (count <= columns) return values;
  std::vector<double> means;
  for (std::int64_t c = 0; c < columns; ++c) {
    const std::int64_t begin = count * c / columns, end = count * (c + 1) / columns;
    double sum = 0;
    for (std::int64_t i = begin; i < end; ++i) sum += values[i];
    means.push_back(sum / static_cast<double>(end - begin));
  }
  return means;
}

}  // namespace

std::string bar(double share, std::int64_t columns, const Style& style) {
  const std::int64_t inside = std::max<std::int64_t>(1, columns - 2);
  const double filled = std::clamp(std::isfinite(share) ? share : 0, 0.0, 1.0) * static_cast<double>(inside);
  if (!style.utf8) {
    const auto whole = static_cast<std::int64_t>(filled);
    return "[" + repeated("#", whole) + repeated("-", inside - whole) + "]";
  }
  constexpr std::array<const char*, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::int64_t>(std::floor(filled * 8));
  const char* part = kEighths[eighths % 8];
  const std::int64_t whole = eighths / 8;
  return "▕" + repeated("█", whole) + part + repeated(" ", inside - whole - (eighths % 8 > 0 ? 1 : 0)) + "▏";
}

std::string sparkline(const std::vector<double>& values, const CurveFrame& frame, const Style& style) {
  constexpr std::array<const char*, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<const char*, 8> kAscii{"_", ".", ",", "-", "=", "+", "*", "#"};
  if (frame.columns <= 0) return "";
  double low = 0, high = frame.top;
  const std::vector<double> points = gathered(values, frame.columns);
  for (const double value : points) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const auto all = static_cast<std::int64_t>(std::max(frame.of, values.size()));
  const std::int64_t width = all > 0 && frame.of > 0 ? std::clamp<std::int64_t>(frame.columns / all, 1, 4) : 1;
  std::string out;
  for (const double value : points) {
    const double level = high > low && std::isfinite(value) ? (value - low) / (high - low) * 7 : 0;
    const auto index = static_cast<std::size_t>(std::lround(level));
    out += repeated(!std::isfinite(value) ? " " : style.utf8 ? kBlocks[index] : kAscii[index], width);
  }
  return out;
}

std::vector<PhaseShare> phase_shares(const std::map<std::string, double>& phases) {
  std::vector<PhaseShare> shares;
  double all = 0;
  const auto add = [&](const std::string& name, char letter, Ink ink, double seconds) {
    if (!std::isfinite(seconds) || seconds <= 0) return;
    all += seconds;
    const auto same =
        std::find_if(shares.begin(), shares.end(), [&](const PhaseShare& share) { return share.name == name; });
    if (same != shares.end())
      same->seconds += seconds;
    else
      shares.push_back({.name = name, .letter = letter, .ink = ink, .seconds = seconds});
  };
  for (const KnownPhase& known : kKnown) {
    if (const auto found = phases.find(known.key); found != phases.end())
      add(known.name, known.letter, known.ink, found->second);
  }
  for (const auto& [key, seconds] : phases) {
    const bool known = std::any_of(kKnown.begin(), kKnown.end(),
                                   [&, &key = key](const KnownPhase& phase) { return key == phase.key; });
    if (!known) add("other", '.', Ink::dim, seconds);
  }
  for (PhaseShare& share : shares) share.share = share.seconds / all;
  return shares;
}

Line phase_bar(const std::vector<PhaseShare>& shares, std::int64_t columns, const Style& style) {
  Line line;
  double sum = 0;
  std::int64_t drawn = 0;
  for (const PhaseShare& share : shares) {
    sum += share.share;
    const auto end = std::min(columns, static_cast<std::int64_t>(std::llround(sum * static_cast<double>(columns))));
    const std::string sign = !style.color ? std::string(1, share.letter) : style.sign("█", "#");
    line.add(repeated(sign, end - drawn), share.ink);
    drawn = end;
  }
  return line;
}

std::vector<Line> phase_legend(const std::vector<PhaseShare>& shares, std::int64_t columns, const Style& style) {
  std::vector<std::pair<double, Line>> parts;
  std::int64_t taken = 0;
  for (const PhaseShare& share : shares) {
    if (share.share < 0.005) continue;
    const std::string sign = !style.color ? std::string(1, share.letter) : style.sign("■", "#");
    parts.emplace_back(share.name == "other" ? share.share / 2 : share.share,
                       Line(sign, share.ink).add(" " + share.name + " " + number_text(share.share * 100, 0) + " %"));
    taken += parts.back().second.columns() + 2;
  }
  while (taken > columns && !parts.empty()) {
    const auto least =
        std::min_element(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    taken -= least->second.columns() + 2;
    parts.erase(least);
  }
  std::vector<Line> lines;
  for (auto& [share, line] : parts) lines.push_back(std::move(line));
  return lines;
}

}  // namespace muster::page

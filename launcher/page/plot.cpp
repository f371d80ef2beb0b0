// A curve over several rows, drawn with Braille dots or with stars.
#include <algorithm>
#include <cmath>

#include "launcher/page/charts.h"
#include "launcher/page/figure_text.h"
#include "runtime/base/mean.h"
#include "runtime/base/text.h"

namespace muster::page {
namespace {

constexpr std::int64_t kScaleColumns = 10;  // of the numbers at the left, and the line

/// A grid of dots, some to a character: 2 x 4 in Braille, 1 x 1 else.
class Canvas {
 public:
  Canvas(std::int64_t columns, std::int64_t rows, bool braille)
      : columns_(columns),
        across_(braille ? 2 : 1),
        down_(braille ? 4 : 1),
        cells_(static_cast<std::size_t>(columns * rows)) {}

  std::int64_t width() const { return columns_ * across_; }
  std::int64_t height() const { return std::ssize(cells_) / columns_ * down_; }

  /// y from 0 at the bottom.
  void set(std::int64_t x, std::int64_t y) {
    constexpr unsigned kDots[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    const std::int64_t row = height() - 1 - y;
    cells_[row / down_ * columns_ + x / across_] |= kDots[row % down_][x % across_];
  }

  std::string row(std::int64_t index) const {
    std::string out;
    for (std::int64_t column = 0; column < columns_; ++column) {
      const unsigned dots = cells_[index * columns_ + column];
      if (dots == 0)
        out += ' ';
      else if (across_ == 1)
        out += '*';
      else
        out += {static_cast<char>(0xE2), static_cast<char>(0xA0 | dots >> 6), static_cast<char>(0x80 | (dots & 0x3F))};
    }
    return out;
  }

 private:
  std::int64_t columns_, across_, down_;
  std::vector<unsigned> cells_;
};

/// The mean of the numbers among the values that fall onto each of `count` places; NaN where there are none.
std::vector<double> means(const std::vector<double>& values, std::int64_t count) {
  std::vector<double> out;
  const auto size = std::ssize(values);
  for (std::int64_t place = 0; place < count; ++place) {
    std::vector<double> here;
    for (std::int64_t i = size * place / count; i < size * (place + 1) / count; ++i)
      if (std::isfinite(values[i])) here.push_back(values[i]);
    out.push_back(base::mean(here));
  }
  return out;
}

void draw(const std::vector<double>& values, double low, double high, Canvas& canvas) {
  const std::int64_t count = std::min<std::int64_t>(std::ssize(values), canvas.width());
  const std::vector<double> points = means(values, count);
  const auto level = [&](double value) {
    const double share = high > low ? (value - low) / (high - low) : 0.5;
    return std::lround(share * static_cast<double>(canvas.height() - 1));
  };
  const auto place = [&](std::int64_t i) { return count == 1 ? 0 : i * (canvas.width() - 1) / (count - 1); };
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = points[i];
    if (!std::isfinite(value)) continue;
    canvas.set(place(i), level(value));
    const double next = i + 1 < count ? points[i + 1] : value;
    if (!std::isfinite(next)) continue;
    // The way to the next point: as many dots as its longer side has.
    const std::int64_t across = i + 1 < count ? place(i + 1) - place(i) : 0, up = level(next) - level(value);
    const std::int64_t dots = std::max(across, std::abs(up));
    for (std::int64_t dot = 1; dot < dots; ++dot)
      canvas.set(place(i) + across * dot / dots, level(value) + up * dot / dots);
  }
}

std::string value_text(double value) {
  const double size = std::abs(value);
  return size >= 1000 && size < 1e6 ? rate_text(value) : small_text(value);
}

}  // namespace

std::vector<Line> plot(const std::vector<double>& values, const PlotFrame& frame, const Style& style) {
  if (frame.rows < 4 || frame.columns < 24) return {};
  Canvas canvas(frame.columns - kScaleColumns, frame.rows - 2, style.utf8);
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const bool any = low <= high;
  if (any) draw(values, low, high, canvas);
  std::vector<Line> lines{Line(frame.title, Ink::dim).add(any ? "  " + value_text(values.back()) : "", Ink::bold)};
  for (std::int64_t row = 0; row < frame.rows - 2; ++row) {
    const std::string scale = !any ? "" : row == 0 ? value_text(high) : row == frame.rows - 3 ? value_text(low) : "";
    lines.push_back(Line(padded_left(scale, kScaleColumns - 2) + style.sign(" ┤", " |"), Ink::dim)
                        .add(canvas.row(row), Ink::green));
  }
  const std::string first = base::text(frame.first), last = base::text(frame.last);
  lines.push_back(
      {std::string(kScaleColumns, ' ') + first + padded_left(last, frame.columns - kScaleColumns - columns_of(first)),
       Ink::dim});
  return lines;
}

}  // namespace muster::page

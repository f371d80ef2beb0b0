// Small things with text: joining, splitting, the nearest known word, figures as people read them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace muster::base {

/// All arguments written one after another: text("tp ", 4, " x pp ", 2).
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Writes a page for people and flushes it.
void print(std::FILE* out, const std::string& page);
std::vector<std::string> split(std::string_view line, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string trim(std::string_view line);
bool starts_with_any(std::string_view line, std::span<const std::string> prefixes);

/// The candidate with the smallest edit distance, or "" when none is near enough to be meant (a third of its length).
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// 1536 -> "1.5 KiB"; 20 MB of pages -> "19.1 MiB".
std::string bytes_text(std::int64_t bytes);
/// 0.0123 -> "12 ms"; 73.4 -> "1 min 13 s".
std::string seconds_text(double seconds);
/// Fixed decimals: number_text(0.8046, 2) -> "0.80".
std::string number_text(double value, int decimals);
/// A word for a POSIX shell, quoted where it must be.
std::string shell_quoted(std::string_view word);

}  // namespace muster::base

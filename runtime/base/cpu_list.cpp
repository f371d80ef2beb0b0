#include "runtime/base/cpu_list.h"

#include <charconv>

#include "runtime/base/text.h"

namespace muster::base {
namespace {

constexpr int kMostCpu = 65535;

std::optional<int> parse_number(const std::string& word) {
  int number = -1;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (code != std::errc() || end != word.data() + word.size() || number < 0 || number > kMostCpu) return {};
  return number;
}

/// "7", "0-13" or "0-12:4": appended to `cpus`. False when it is none of them.
bool append_range(const std::string& part, std::vector<int>& cpus) {
  const std::size_t colon = part.find(':');
  const auto step = colon == std::string::npos ? std::optional<int>(1) : parse_number(part.substr(colon + 1));
  const std::vector<std::string> ends = split(part.substr(0, colon), '-');
  if (!step || *step == 0 || ends.empty() || ends.size() > 2) return false;
  const auto first = parse_number(ends.front());
  const auto last = parse_number(ends.back());
  if (!first || !last || *last < *first) return false;
  for (int cpu = *first; cpu <= *last; cpu += *step) cpus.push_back(cpu);
  return true;
}

}  // namespace

std::optional<std::vector<int>> parse_cpu_list(std::string_view list) {
  std::vector<int> cpus;
  for (const std::string& part : split(list, ','))
    if (!append_range(part, cpus)) return {};
  return cpus;
}

std::string cpu_list_text(const std::vector<int>& cpus) {
  std::string list;
  for (std::size_t first = 0; first < cpus.size();) {
    std::size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    list += (list.empty() ? "" : ",") + std::to_string(cpus[first]);
    if (last > first) list += "-" + std::to_string(cpus[last]);
    first = last + 1;
  }
  return list;
}

}  // namespace muster::base

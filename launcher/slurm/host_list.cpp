#include "launcher/slurm/host_list.h"

#include <cctype>
#include <cstdint>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

constexpr std::int64_t kMostHosts = 1'000'000;  // a list that expands to more is a mistake

[[noreturn]] void fail(const std::string& list, const std::string& why) {
  throw Error::cluster({.what = base::text("'", list, "' is no list of hosts: ", why)});
}

std::int64_t number(const std::string& digits, const std::string& list) {
  if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos)
    fail(list, base::text("'", digits, "' is no number"));
  return std::stoll(digits);
}

std::string padded(std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

// One word without outer commas; brackets may stand several times in it.
void expand_word(const std::string& prefix, const std::string& rest, const std::string& list,
                 std::vector<std::string>& hosts) {
  const std::size_t open = rest.find('[');
  if (open == std::string::npos) {
    hosts.push_back(prefix + rest);
    return;
  }
  const std::size_t close = rest.find(']', open);
  if (close == std::string::npos) fail(list, "a bracket is not closed");
  for (const std::string& part : base::split(rest.substr(open + 1, close - open - 1), ',')) {
    const std::size_t dash = part.find('-');
    const std::string first = part.substr(0, dash);
    const std::int64_t begin = number(first, list);
    const std::int64_t end = dash == std::string::npos ? begin : number(part.substr(dash + 1), list);
    if (end < begin || end - begin > kMostHosts) fail(list, base::text("the range ", part));
    for (std::int64_t i = begin; i <= end; ++i)
      expand_word(prefix + rest.substr(0, open) + padded(i, first.size()), rest.substr(close + 1), list, hosts);
  }
}

// A host name as what stands before its last digits, and those.
struct Name {
  std::string prefix, digits;
};

Name name_of(const std::string& host) {
  std::size_t end = host.size();
  while (end > 0 && std::isdigit(static_cast<unsigned char>(host[end - 1]))) --end;
  if (host.size() - end > 9) end = host.size();
  return {host.substr(0, end), host.substr(end)};
}

// May `next` follow `last` in one bracket? Numbers of one width, or without leading zeros.
bool follows(const std::string& last, const std::string& next) {
  return next == padded(std::stoll(last) + 1, last.size()) && (next.size() == last.size() || last[0] != '0');
}

}  // namespace

std::vector<std::string> expand_hosts(const std::string& list) {
  std::vector<std::string> hosts;
  std::string word;
  int depth = 0;
  for (const char c : list + ",") {
    if (c == '[') ++depth;
    if (c == ']' && --depth < 0) fail(list, "a bracket is not opened");
    if (c != ',' || depth > 0) {
      word += c;
    } else if (!word.empty()) {
      expand_word("", word, list, hosts);
      word.clear();
    }
  }
  if (depth != 0) fail(list, "a bracket is not closed");
  return hosts;
}

std::string compress_hosts(const std::vector<std::string>& hosts) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < hosts.size();) {
    const Name first = name_of(hosts[i]);
    std::vector<std::string> ranges;
    std::size_t next = i;
    while (next < hosts.size() && !first.digits.empty() && name_of(hosts[next]).prefix == first.prefix &&
           !name_of(hosts[next]).digits.empty()) {
      const std::string begin = name_of(hosts[next]).digits;
      std::string end = begin;
      while (++next < hosts.size() && name_of(hosts[next]).prefix == first.prefix &&
             !name_of(hosts[next]).digits.empty() && follows(end, name_of(hosts[next]).digits))
        end = name_of(hosts[next]).digits;
      ranges.push_back(begin == end ? begin : begin + "-" + end);
    }
    if (ranges.empty() || (ranges.size() == 1 && ranges[0] == first.digits)) {
      words.push_back(hosts[i]);
      i = std::max(next, i + 1);
    } else {
      words.push_back(first.prefix + "[" + base::join(ranges, ",") + "]");
      i = next;
    }
  }
  return base::join(words, ",");
}

}  // namespace muster::slurm

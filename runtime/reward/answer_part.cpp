// Tags are found by their closing bracket's side: one pass over the text for each bracket form, names compared there.
#include "runtime/reward/answer_part.h"

#include <algorithm>
#include <array>

#include "runtime/base/text.h"

namespace muster::reward {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

struct Brackets {
  std::string_view open, close;
};
constexpr std::array<Brackets, 3> kBrackets{{{"<", ">"}, {"[", "]"}, {"◁", "▷"}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

struct Tag {
  std::size_t begin = 0, end = 0;
  std::size_t name = 0;  // its index among the names
  bool closes = false;
};

// The tags of these names, in the order of the text.
std::vector<Tag> tags_of(std::string_view text, const std::vector<std::string>& names) {
  std::vector<Tag> tags;
  for (const Brackets& form : kBrackets)
    for (std::size_t at = text.find(form.open); at != kNone; at = text.find(form.open, at + 1)) {
      std::size_t begin = at + form.open.size();
      const bool closes = begin < text.size() && text[begin] == '/';
      begin += closes ? 1 : 0;
      for (std::size_t n = 0; n < names.size(); ++n) {
        const std::size_t end = begin + names[n].size();
        if (names[n].empty() || text.substr(std::min(end, text.size()), form.close.size()) != form.close ||
            !same_letters(text.substr(begin, names[n].size()), names[n]))
          continue;
        tags.push_back({at, end + form.close.size(), n, closes});
        break;
      }
    }
  std::sort(tags.begin(), tags.end(), [](const Tag& a, const Tag& b) { return a.begin < b.begin; });
  return tags;
}

// The last <answer> whose content is not empty; without any, what stands before a lone </answer>; else all.
std::string_view within_answer_tags(std::string_view text) {
  static const std::vector<std::string> kAnswer = {"answer"};
  std::vector<Tag> tags = tags_of(text, kAnswer);
  std::erase_if(tags, [&](const Tag& tag) { return text[tag.begin] != '<'; });
  if (tags.empty()) return text;
  std::optional<std::string_view> last;
  for (std::size_t t = tags.size(); t-- > 0;) {
    if (tags[t].closes) continue;
    const std::size_t end = t + 1 < tags.size() ? tags[t + 1].begin : text.size();
    const std::string_view content = text.substr(tags[t].end, end - tags[t].end);
    if (!base::trim(content).empty()) return content;
    if (!last) last = content;
  }
  return last ? *last : text.substr(0, tags.front().begin);
}

}  // namespace

const std::vector<std::string>& usual_thinking_tags() {
  static const std::vector<std::string> names = {"think", "thinking", "thought", "reasoning"};
  return names;
}

std::optional<std::string_view> answer_part(std::string_view reply, const std::vector<std::string>& thinking_tags,
                                            bool in_thinking) {
  std::vector<bool> open(thinking_tags.size(), false);
  std::size_t begin = 0;
  bool closed = false;
  for (const Tag& tag : tags_of(reply, thinking_tags)) {
    open[tag.name] = !tag.closes;
    if (!tag.closes) continue;
    begin = tag.end;
    closed = true;
  }
  if (std::count(open.begin(), open.end(), true) > 0 || (in_thinking && !closed)) return std::nullopt;
  return within_answer_tags(reply.substr(begin));
}

bool opens_thinking(std::string_view prompt, const std::vector<std::string>& thinking_tags) {
  const std::vector<Tag> tags = tags_of(prompt, thinking_tags);
  return !tags.empty() && !tags.back().closes && base::trim(prompt.substr(tags.back().end)).empty();
}

bool names_tags(std::string_view pattern, const std::vector<std::string>& thinking_tags) {
  const auto is_named = [&](const std::string& name) {
    for (std::size_t at = 0; at + name.size() <= pattern.size() && !name.empty(); ++at) {
      if (!same_letters(pattern.substr(at, name.size()), name)) continue;
      std::string_view behind = pattern.substr(at + name.size());
      while (behind.starts_with(')') || behind.starts_with('\\')) behind.remove_prefix(1);
      for (const Brackets& form : kBrackets)
        if (behind.starts_with(form.close)) return true;
    }
    return false;
  };
  return is_named("answer") || std::any_of(thinking_tags.begin(), thinking_tags.end(), is_named);
}

}  // namespace muster::reward

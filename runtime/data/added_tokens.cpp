#include "runtime/data/added_tokens.h"

#include <utf8proc.h>

#include <algorithm>
#include <set>

#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/data/json_node.h"

namespace muster::data {
namespace {

constexpr std::int64_t kLargestId = (std::int64_t{1} << 24) - 1;  // sixty times the largest vocabulary there is

// Unicode's property White_Space.
bool is_space(std::int32_t point) {
  return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85 || point == 0xA0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 || point == 0x202F ||
         point == 0x205F || point == 0x3000;
}

// \w of Unicode's TR 18: alphabetic, marks, decimal digits, connector punctuation, joiners.
bool is_word(std::int32_t point) {
  if (point == 0x200C || point == 0x200D || (point >= 0x24B6 && point <= 0x24E9) ||
      (point >= 0x1F130 && point <= 0x1F149) || (point >= 0x1F150 && point <= 0x1F169) ||
      (point >= 0x1F170 && point <= 0x1F189))
    return true;
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

std::size_t character_before(std::string_view text, std::size_t at) {
  std::size_t begin = at - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin;
}

std::int32_t point_before(std::string_view text, std::size_t at) {
  const std::size_t begin = character_before(text, at);
  return base::code_point(text.substr(begin, at - begin));
}

std::int32_t point_at(std::string_view text, std::size_t at) {
  return base::code_point(text.substr(at, base::utf8_step(text, at).size));
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  return (begin == 0 || !is_word(point_before(text, begin))) && (end == text.size() || !is_word(point_at(text, end)));
}

}  // namespace

std::vector<AddedToken> parse_added_tokens(const JsonNode& node) {
  std::vector<AddedToken> tokens;
  std::set<std::string> contents;
  std::set<std::int32_t> ids;
  node.each([&](const JsonNode& entry) {
    AddedToken token;
    token.id = static_cast<std::int32_t>(entry.at("id").integer(0, kLargestId));
    token.content = entry.at("content").text();
    token.special = entry.flag("special", false);
    token.lstrip = entry.flag("lstrip", false);
    token.rstrip = entry.flag("rstrip", false);
    token.single_word = entry.flag("single_word", false);
    token.normalized = entry.flag("normalized", !token.special);
    if (token.content.empty()) entry.fail("the content is empty");
    if (!contents.insert(token.content).second) entry.fail("'" + token.content + "' is there twice");
    if (!ids.insert(token.id).second) entry.fail(base::text("id ", token.id, " is there twice"));
    tokens.push_back(std::move(token));
  });
  return tokens;
}

AddedTokenFinder::AddedTokenFinder() : nodes_(1) {}

void AddedTokenFinder::add(const AddedToken& token, const std::string& content) {
  if (content.empty()) return;
  std::int32_t at = 0;
  for (const char c : content) {
    const auto [found, is_new] =
        nodes_[at].next.try_emplace(static_cast<unsigned char>(c), static_cast<std::int32_t>(nodes_.size()));
    at = found->second;
    if (is_new) nodes_.emplace_back();
  }
  nodes_[at].token = static_cast<std::int32_t>(tokens_.size());
  begins_[static_cast<unsigned char>(content[0])] = true;
  tokens_.push_back(token);
}

std::int32_t AddedTokenFinder::longest_at(std::string_view text, std::size_t at, std::size_t& size) const {
  std::int32_t token = -1;
  const Node* node = &nodes_[0];
  for (std::size_t i = at; i < text.size(); ++i) {
    const auto next = node->next.find(static_cast<unsigned char>(text[i]));
    if (next == node->next.end()) break;
    node = &nodes_[next->second];
    if (node->token < 0) continue;
    token = node->token;
    size = i + 1 - at;
  }
  return token;
}

void AddedTokenFinder::split(std::string_view text, std::vector<Part>& parts) const {
  std::size_t taken = 0;  // up to here all is in `parts`
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 0;
    const std::int32_t found = begins_[static_cast<unsigned char>(text[at])] ? longest_at(text, at, size) : -1;
    if (found < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[found];
    std::size_t begin = at, end = at + size;
    at = end;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip)
      while (begin > taken && is_space(point_before(text, begin))) begin = character_before(text, begin);
    if (token.rstrip)
      while (end < text.size() && is_space(point_at(text, end))) end += base::utf8_step(text, end).size;
    if (begin > taken) parts.push_back({text.substr(taken, begin - taken), std::nullopt});
    parts.push_back({begin < end ? text.substr(begin, end - begin) : std::string_view(), token.id});
    taken = end;
  }
  if (taken < text.size()) parts.push_back({text.substr(taken), std::nullopt});
}

}  // namespace muster::data

#include "runtime/data/pre_tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <utility>

#include "runtime/base/utf8.h"
#include "runtime/data/json_node.h"
#include "runtime/data/newer_characters.h"

namespace muster::data {
namespace {

// source: the expression of GPT-2's tokenizer, which ByteLevel with use_regex stands for.
constexpr const char* kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kKnown = "Sequence, Digits, Split, ByteLevel";

// Any number character, as Unicode's general category N says: digits, Roman numerals, fractions.
bool is_number(std::string_view character) {
  if (character.size() == 1) return character[0] >= '0' && character[0] <= '9';
  const std::int32_t point = base::code_point(character);
  const auto category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO ||
         is_new_number(point);
}

void find_numbers(std::string_view text, std::vector<Span>& matches) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = static_cast<unsigned char>(text[at]) < 0x80 ? 1 : base::utf8_step(text, at).size;
    if (is_number(text.substr(at, size))) matches.push_back({at, at + size});
    at += size;
  }
}

SplitBehavior parse_behavior(const JsonNode& node) {
  const std::string& name = node.text();
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  node.fail("behavior '" + name + "' is not known",
            "known: Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

struct Piece {
  Span span;
  bool match;
};

// Text and matches in turn; `invert` swaps what counts as a match.
std::vector<Piece> pieces_of(std::string_view text, const std::vector<Span>& matches, bool invert) {
  std::vector<Piece> pieces;
  std::size_t end = 0;
  for (const Span& match : matches) {
    if (match.begin > end) pieces.push_back({{end, match.begin}, invert});
    pieces.push_back({match, !invert});
    end = match.end;
  }
  if (end < text.size()) pieces.push_back({{end, text.size()}, invert});
  return pieces;
}

}  // namespace

void split_at(std::string_view text, const std::vector<Span>& matches, SplitBehavior behavior, bool invert,
              std::vector<std::string_view>& parts) {
  std::vector<Piece> pieces = pieces_of(text, matches, invert);
  std::vector<Piece> joined;
  switch (behavior) {
    case SplitBehavior::isolated:
      joined = std::move(pieces);
      break;
    case SplitBehavior::removed:
      for (const Piece& piece : pieces)
        if (!piece.match) joined.push_back(piece);
      break;
    case SplitBehavior::contiguous:
      for (const Piece& piece : pieces)
        if (!joined.empty() && joined.back().match == piece.match)
          joined.back().span.end = piece.span.end;
        else
          joined.push_back(piece);
      break;
    case SplitBehavior::merged_with_previous: {
      bool previous = false;  // of two matches in a row the second stands alone
      for (const Piece& piece : pieces) {
        if (piece.match && !previous && !joined.empty())
          joined.back().span.end = piece.span.end;
        else
          joined.push_back(piece);
        previous = piece.match;
      }
      break;
    }
    case SplitBehavior::merged_with_next: {
      bool next = false;
      for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
        if (piece->match && !next && !joined.empty())
          joined.back().span.begin = piece->span.begin;
        else
          joined.push_back(*piece);
        next = piece->match;
      }
      std::reverse(joined.begin(), joined.end());
      break;
    }
  }
  for (const Piece& piece : joined)
    if (piece.span.end > piece.span.begin)
      parts.push_back(text.substr(piece.span.begin, piece.span.end - piece.span.begin));
}

PreTokenizer PreTokenizer::parse(const JsonNode& node) {
  PreTokenizer made;
  made.add(node, 0);
  if (!made.byte_level_)
    node.fail("there is no ByteLevel step: this is no byte-level BPE",
              "supported: byte-level BPE (Llama 3, Qwen, SmolLM2, GPT-2, DeepSeek)");
  return made;
}

void PreTokenizer::add(const JsonNode& node, int depth) {
  if (byte_level_) node.fail("ByteLevel has to be the last step");
  const std::string& type = node.type();
  if (type == "Sequence" && depth < 8) {
    node.at("pretokenizers").each([&](const JsonNode& inner) { add(inner, depth + 1); });
  } else if (type == "Digits") {
    steps_.emplace_back(Digits{node.flag("individual_digits", false)});
  } else if (type == "Split") {
    add_split(node);
  } else if (type == "ByteLevel") {
    if (node.flag("add_prefix_space", true)) steps_.emplace_back(PrefixSpace{});
    if (node.flag("use_regex", true))
      steps_.emplace_back(Split{Regex(kGpt2Pattern, node.where()), SplitBehavior::isolated, false});
    byte_level_ = true;
  } else {
    node.refuse_type(kKnown);
  }
}

void PreTokenizer::add_split(const JsonNode& node) {
  const JsonNode pattern = node.at("pattern");
  const bool is_regex = pattern.has("Regex");
  if (!is_regex && !pattern.has("String")) pattern.fail("a pattern is {\"Regex\": ...} or {\"String\": ...}");
  const std::string& text = pattern.at(is_regex ? "Regex" : "String").text();
  if (text.empty()) pattern.fail("the pattern is empty");
  steps_.emplace_back(Split{Regex(is_regex ? text : escaped_pattern(text), pattern.where()),
                            parse_behavior(node.at("behavior")), node.flag("invert", false)});
}

void PreTokenizer::split(std::string_view text, Words& words) const {
  words.words.clear();
  words.made.clear();
  if (!text.empty()) words.words.push_back(text);
  for (const Step& step : steps_) {
    std::swap(words.words, words.before);
    words.words.clear();
    for (const std::string_view word : words.before) {
      if (std::holds_alternative<PrefixSpace>(step)) {
        words.words.push_back(
            word.starts_with(' ') ? word : std::string_view(words.made.emplace_back(" " + std::string(word))));
        continue;
      }
      words.matches.clear();
      if (const auto* digits = std::get_if<Digits>(&step)) {
        find_numbers(word, words.matches);
        if (words.matches.empty())
          words.words.push_back(word);
        else
          split_at(word, words.matches, digits->individual ? SplitBehavior::isolated : SplitBehavior::contiguous, false,
                   words.words);
        continue;
      }
      const auto& split = std::get<Split>(step);
      split.regex.find_all(word, words.matches);
      split_at(word, words.matches, split.behavior, split.invert, words.words);
    }
  }
}

}  // namespace muster::data

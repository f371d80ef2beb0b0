#include "runtime/reward/grade.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/reward/choice.h"
#include "runtime/reward/math/verify.h"
#include "runtime/reward/pattern.h"

namespace muster::reward {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_text(std::string_view a, std::string_view b, const GradeSettings& settings) {
  if (settings.trim) {
    a = trimmed(a);
    b = trimmed(b);
  }
  if (!settings.ignore_case) return a == b;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool same_math(std::string_view answer, std::string_view gold, const GradeSettings& settings) {
  return math::verify(answer, gold,
                      {.decimals = settings.precision,
                       .strict = settings.strict,
                       .relation_as_set = settings.allow_set_relation_comp,
                       .percent = settings.percent});
}

bool same_choice(std::string_view answer, std::string_view gold) {
  const auto wanted = chosen_letter(gold);
  return wanted && chosen_letter(answer) == wanted;
}

// Jobs have one pattern, or a few.
const Pattern& compiled(const std::string& expression) {
  static std::map<std::string, Pattern> patterns;
  if (patterns.size() > 64) patterns.clear();
  return patterns.try_emplace(expression, expression, Pattern::Options{.dot_matches_newline = false}).first->second;
}

Grade grade_regex(std::string_view answer, std::string_view gold, const GradeSettings& settings) {
  if (settings.pattern.empty())
    throw Error::user({.what = "the reward kind regex needs a pattern", .where = "reward.pattern"});
  const Pattern& pattern = compiled(settings.pattern);
  std::optional<PatternMatch> last;
  for (std::size_t from = 0; from <= answer.size();) {
    bool ran_away = false;
    auto match = pattern.find(answer, from, &ran_away);
    if (ran_away) return {0, Outcome::failed};
    if (!match) break;
    from = std::max(match->end(), match->begin() + 1);
    last = std::move(match);
  }
  if (!last) return {0, Outcome::graded};
  const std::string_view found = last->group(answer, pattern.num_groups() > 0 ? 1 : 0);
  return {gold.empty() || same_text(found, gold, settings) ? 1.0 : 0.0, Outcome::graded};
}

bool is_built_in(std::string_view kind) {
  return kind == "exact" || kind == "math" || kind == "choice" || kind == "regex";
}

// What an evil answer does to its grader, on request: sleeps for ever, dies, takes all memory.
Grade grade_test_kind(std::string_view kind, std::string_view answer) {
  if (kind == "sleep")
    std::this_thread::sleep_for(std::chrono::duration<double>(std::strtod(std::string(answer).c_str(), nullptr)));
  if (kind == "abort") std::abort();
  if (kind == "allocate")
    return {static_cast<double>(
                std::string(static_cast<std::size_t>(std::strtod(std::string(answer).c_str(), nullptr)), 'x').size()),
            Outcome::graded};
  return {1, Outcome::graded};
}

}  // namespace

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::graded:
      return "graded";
    case Outcome::timeout:
      return "timeout";
    case Outcome::failed:
      return "failed";
  }
  return "?";
}

Outcome parse_outcome(std::string_view name) {
  for (const Outcome outcome : {Outcome::graded, Outcome::timeout, Outcome::failed})
    if (name == outcome_name(outcome)) return outcome;
  throw Error::user(
      {.what = base::text("there is no outcome '", name, "'"), .fix = "outcomes: graded, timeout, failed"});
}

const std::vector<std::string>& grade_kinds() {
  static const std::vector<std::string> kinds = {"exact", "math", "choice", "regex", "command"};
  return kinds;
}

std::optional<std::string_view> graded_part(std::string_view kind, std::string_view reply,
                                            const GradeSettings& settings) {
  if (!settings.after_thinking || (kind == "regex" && names_tags(settings.pattern, settings.thinking_tags)))
    return reply;
  return answer_part(reply, settings.thinking_tags, settings.in_thinking);
}

std::optional<std::string> why_unreadable(std::string_view kind, std::string_view gold) {
  const bool readable = kind == "math" ? math::is_readable_gold(gold) : kind != "choice" || chosen_letter(gold);
  if (readable) return std::nullopt;
  if (trimmed(gold).empty()) return base::text("the gold answer is empty, and ", kind, " needs one");
  return base::text("the gold answer '", gold.substr(0, 60), gold.size() > 60 ? "..." : "", "' is ",
                    kind == "math" ? "no number or formula that math can read" : "no letter that choice can read");
}

Grade grade(std::string_view kind, std::string_view reply, std::string_view gold, const GradeSettings& settings) {
  const auto part = graded_part(kind, reply, settings);
  const std::string_view answer = part.value_or("");
  if (!part && is_built_in(kind)) return {0, Outcome::graded};
  if (kind == "exact") return {same_text(answer, gold, settings) ? 1.0 : 0.0, Outcome::graded};
  if (kind == "math") return {same_math(answer, gold, settings) ? 1.0 : 0.0, Outcome::graded};
  if (kind == "choice") return {same_choice(answer, gold) ? 1.0 : 0.0, Outcome::graded};
  if (kind == "regex") return grade_regex(answer, gold, settings);
  if (settings.allow_test_kinds && (kind == "sleep" || kind == "abort" || kind == "allocate"))
    return grade_test_kind(kind, answer);
  throw Error::user({.what = base::text("there is no reward kind '", kind, "'"),
                     .where = "reward.kind",
                     .fix = "kinds: " + base::join(grade_kinds(), ", ")});
}

}  // namespace muster::reward

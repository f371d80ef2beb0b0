#include "runtime/reward/grade.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/reward/boxed.h"
#include "runtime/reward/number.h"

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

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '$') out += c;
  return out;
}

bool same_math(std::string_view answer, std::string_view gold, const GradeSettings& settings) {
  const std::string_view gold_content = last_boxed(gold).value_or(gold);
  const auto gold_number = whole_number(gold_content);
  const auto boxed = last_boxed(answer);
  if (gold_number) {
    const auto number = boxed ? whole_number(*boxed) : last_number(answer);
    return number && same_number(*number, *gold_number, settings.percent);
  }
  const std::string gold_text = without_spaces(gold_content);
  return !gold_text.empty() && without_spaces(boxed.value_or(answer)) == gold_text;
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
  static const std::vector<std::string> kinds = {"exact", "math"};
  return kinds;
}

Grade grade(std::string_view kind, std::string_view answer, std::string_view gold, const GradeSettings& settings) {
  if (kind == "exact") return {same_text(answer, gold, settings) ? 1.0 : 0.0, Outcome::graded};
  if (kind == "math") return {same_math(answer, gold, settings) ? 1.0 : 0.0, Outcome::graded};
  if (settings.allow_test_kinds && (kind == "sleep" || kind == "abort" || kind == "allocate"))
    return grade_test_kind(kind, answer);
  throw Error::user({.what = base::text("there is no reward kind '", kind, "'"),
                     .where = "reward.kind",
                     .fix = "kinds: " + base::join(grade_kinds(), ", ")});
}

}  // namespace muster::reward

// The score of one answer against its gold answer: pure functions of text. Hostile answers are run in a worker
// (worker.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::reward {

/// graded: the reward means something. timeout: the answer was given up at the time limit. failed: the grader died or
/// could not read it.
enum class Outcome { graded, timeout, failed };
const char* outcome_name(Outcome outcome);
/// throws: Error::user.
Outcome parse_outcome(std::string_view name);

struct GradeSettings {
  bool trim = true;               // exact: white space around answer and gold does not count
  bool ignore_case = false;       // exact: ASCII letters
  bool percent = true;            // math: 50% equals 50 and 0.5
  bool allow_test_kinds = false;  // "sleep", "abort", "allocate": for tests of the limits
  bool operator==(const GradeSettings&) const = default;
};

struct Grade {
  double reward = 0;
  Outcome outcome = Outcome::graded;
  bool operator==(const Grade&) const = default;
};

/// exact: the whole answer is the gold answer. math: the last \boxed{} of the answer, else its last number, equals the
/// gold answer, compared exactly as rationals (as text when the gold answer is no number). throws: Error::user on a
/// kind that does not exist.
Grade grade(std::string_view kind, std::string_view answer, std::string_view gold, const GradeSettings& settings = {});

/// The kinds for people.
const std::vector<std::string>& grade_kinds();

}  // namespace muster::reward

// The score of one answer against its gold answer: pure functions of text. Hostile answers are run in a worker
// (worker.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/reward/answer_part.h"

namespace muster::reward {

/// graded: the reward means something. timeout: the answer was given up at the time limit. failed: the grader died or
/// could not read it.
enum class Outcome { graded, timeout, failed };
const char* outcome_name(Outcome outcome);
/// throws: Error::user.
Outcome parse_outcome(std::string_view name);

struct GradeSettings {
  bool trim = true;                     // exact, regex: white space around answer and gold does not count
  bool ignore_case = false;             // exact, regex: ASCII letters
  std::string pattern;                  // regex: its first group, of its last match, is the answer
  std::vector<std::string> command;     // command: the program and its arguments
  bool percent = true;                  // math: 50% equals 50 and 0.5
  int precision = 6;                    // math: decimals to which a number written with a point is rounded
  bool strict = true;                   // math: names of variables count
  bool allow_set_relation_comp = true;  // math: 1 < x < 2 as an answer meets the gold answer (1, 2)
  bool after_thinking = true;           // only what answer_part() finds is graded; false: the whole reply
  std::vector<std::string> thinking_tags = usual_thinking_tags();
  bool in_thinking = false;       // the prompt has opened the thinking
  bool allow_test_kinds = false;  // "sleep", "abort", "allocate": for tests of the limits
  bool operator==(const GradeSettings&) const = default;
};

struct Grade {
  double reward = 0;
  Outcome outcome = Outcome::graded;
  bool operator==(const Grade&) const = default;
};

/// All kinds grade the part of the reply that answer_part.h describes, unless `after_thinking` is off; a reply without
/// such a part has the reward 0. A regex that names one of the tags is about the form and searches the whole reply.
/// exact: the whole answer is the gold answer.
/// math: what the answer says (its boxes, "the answer is ...", its last formula or number) equals the gold answer, as
///   Math-Verify has it (math/verify.h).
/// choice: the letter that the answer chose is the gold answer's.
/// regex: what `pattern` finds in the answer is the gold answer; with an empty gold answer it has to find something.
///   failed when the search runs away.
/// throws: Error::user on a kind that does not exist, a pattern that is none.
Grade grade(std::string_view kind, std::string_view reply, std::string_view gold, const GradeSettings& settings = {});

/// What of a reply a kind grades; none when there is no answer.
std::optional<std::string_view> graded_part(std::string_view kind, std::string_view reply,
                                            const GradeSettings& settings);

/// Why no reply can be equal to this gold answer, whatever it says: for the kinds that have to read it, math and
/// choice. None when it can be read. Pure; may be called by several threads.
std::optional<std::string> why_unreadable(std::string_view kind, std::string_view gold);

/// The kinds for people. `command` is one too: a worker asks a program (program.h), grade() cannot.
const std::vector<std::string>& grade_kinds();

}  // namespace muster::reward

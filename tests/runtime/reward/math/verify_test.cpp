// Agreement with Math-Verify: its own cases, and pairs that it graded (tests/golden/reward, tests/reference).
#include "runtime/reward/math/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/json_lines.h"
#include "runtime/reward/grade.h"

namespace muster::reward::math {
namespace {

bool has(const std::string& text, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return text.find(part) != std::string::npos; });
}

/// Why Muster and Math-Verify differ on purpose (docs/grading.md); empty where they should not.
std::string reason_of(const nlohmann::json& each) {
  const std::string id = each["id"], kind = id.substr(0, id.find('-'));
  const std::string gold = each["gold"], answer = each["answer"];
  const bool math_verify_says_equal = each["expected"] == 1;
  if (!math_verify_says_equal) {
    if (!has(answer, {"$", "\\boxed", "\\(", "\\["})) return "a formula without signs around it is read";
    if (has(gold + answer, {"<", ">", "\\le", "\\ge"})) return "inequalities are sets of numbers";
    if (kind == "complex_numbers") return "i is one number in any place";
    if (kind == "equations") return "scaled equations of one variable are the same";
    if (kind == "symbolic" || kind == "polynomials") return "letters are no units";
    if (kind == "units") return "a unit behind a number is taken off";
    if (has(answer, {"\\,"})) return "thousands may be set apart";
    if (has(answer, {"\n"})) return "a line break within a formula";
    return "";
  }
  if (kind == "units" && has(answer, {"\\text"})) return "5 cm are not 5 m";
  if (has(answer, {"\\{"}) && has(gold, {"("})) return "{1, 2} is neither a pair nor an interval";
  if (kind == "powers") return "a sum that is not announced as the answer is the question";
  if (kind == "rounding" && has(answer, {"-0.0"})) return "nothing but zero is near zero";
  return "";
}

/// How often the verdicts on the cases of a golden file differ, by the reason. `count` is told how many cases there
/// are.
std::map<std::string, int> differences(const std::string& file, std::size_t& count) {
  std::map<std::string, int> reasons;
  const auto cases = base::read_json_lines(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/reward/" + file);
  count = cases.size();
  for (const auto& each : cases) {
    const EqualSettings settings{.decimals = each.value("precision", 6),
                                 .strict = each.value("strict", true),
                                 .relation_as_set = each.value("allow_set_relation_comp", false)};
    if (verify(each["answer"].get<std::string>(), each["gold"].get<std::string>(), settings) == (each["expected"] == 1))
      continue;
    const std::string reason = reason_of(each);
    EXPECT_NE(reason, "") << each.dump();
    ++reasons[reason];
  }
  return reasons;
}

int sum(const std::map<std::string, int>& reasons) {
  int all = 0;
  for (const auto& [reason, times] : reasons) all += times;
  return all;
}

TEST(Verify, AgreesWithTheCasesOfMathVerify) {
  std::size_t count = 0;
  // In these two the number stands in a formula that a line break ends, and counts as a number in running text; so says
  // Math-Verify too, when it may extract more than LaTeX.
  EXPECT_EQ(differences("math_verify_cases.jsonl", count),
            (std::map<std::string, int>{{"a line break within a formula", 2}}));
  EXPECT_EQ(count, 196U);
}

TEST(Verify, DiffersFromMathVerifyOnPurposeOnly) {
  std::size_t count = 0;
  const auto reasons = differences("math_verify_pairs.jsonl", count);
  EXPECT_EQ(count, 2000U);
  EXPECT_LE(sum(reasons), 120);
  for (const auto& [reason, times] : reasons) std::printf("%4d  %s\n", times, reason.c_str());
}

// Pairs of our own with right values, both ways; the first word of an id is the class of the pair.
TEST(Verify, KnowsRightFromWrong) {
  const auto cases = base::read_json_lines(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/reward/answers.jsonl");
  EXPECT_GE(cases.size(), 800U);
  for (const auto& each : cases)
    EXPECT_EQ(grade("math", each["answer"].get<std::string>(), each["gold"].get<std::string>()).reward,
              each["expected"].get<double>())
        << each.dump();
}

TEST(Verify, TheSameWordsAreTheSameAnswer) {
  EXPECT_TRUE(verify("$\\weird{x}$", "$\\weird{x}$", {}));
  EXPECT_FALSE(verify("$\\weird{x}$", "$\\weird{y}$", {}));
  EXPECT_FALSE(verify("", "", {}));
  EXPECT_FALSE(verify("7", "", {}));
}

}  // namespace
}  // namespace muster::reward::math

// Agreement with Math-Verify: its own cases, and pairs that it graded (tests/golden/reward, tests/reference).
#include "runtime/reward/math/verify.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/json_lines.h"

namespace muster::reward::math {
namespace {

/// The ids of the cases of a golden file with another verdict than expected; `count` learns how many there are.
std::set<std::string> disagreements(const std::string& file, std::size_t& count) {
  std::set<std::string> ids;
  const auto cases = base::read_json_lines(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/reward/" + file);
  count = cases.size();
  for (const auto& each : cases) {
    const EqualSettings settings{.decimals = each.value("precision", 6),
                                 .strict = each.value("strict", true),
                                 .relation_as_set = each.value("allow_set_relation_comp", false)};
    if (verify(each["answer"].get<std::string>(), each["gold"].get<std::string>(), settings) != (each["expected"] == 1))
      ids.insert(each["id"]);
  }
  return ids;
}

TEST(Verify, AgreesWithTheCasesOfMathVerify) {
  std::size_t count = 0;
  // In these two the number stands in a formula that a line break ends, and counts as a number in running text; so says
  // Math-Verify too, when it may extract more than LaTeX.
  EXPECT_EQ(disagreements("math_verify_cases.jsonl", count),
            (std::set<std::string>{"all-latex_notation-32", "all-latex_notation-33"}));
  EXPECT_EQ(count, 196U);
}

TEST(Verify, AgreesOnPairsThatMathVerifyGraded) {
  std::size_t count = 0;
  const auto others = disagreements("math_verify_pairs.jsonl", count);
  EXPECT_EQ(count, 2000U);
  EXPECT_LE(others.size(), 20U) << "99 %";
  for (const std::string& id : others) {
    const std::string kind = id.substr(0, id.find('-'));
    // rounding-710: -0.041 against -0.0, to one decimal; nothing but zero is near zero.
    EXPECT_TRUE(kind == "equations" || kind == "powers" || kind == "complex_numbers" || id == "rounding-710")
        << id << " is no disagreement on purpose";
  }
}

TEST(Verify, TheSameWordsAreTheSameAnswer) {
  EXPECT_TRUE(verify("$\\weird{x}$", "$\\weird{x}$", {}));
  EXPECT_FALSE(verify("$\\weird{x}$", "$\\weird{y}$", {}));
  EXPECT_FALSE(verify("", "", {}));
  EXPECT_FALSE(verify("7", "", {}));
}

}  // namespace
}  // namespace muster::reward::math

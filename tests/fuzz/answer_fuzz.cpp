// Answers and gold answers of anybody, the gold answer in the first line: graded without a crash by every kind that
// works in the grading process.
#include <cstdint>
#include <string_view>

#include "runtime/reward/grade.h"
#include "runtime/reward/math/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster::reward;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view gold = text.substr(0, line);
  const std::string_view answer = line == std::string_view::npos ? text : text.substr(line + 1);
  grade("math", answer, gold, {.strict = false, .allow_set_relation_comp = true});
  grade("choice", answer, gold);
  grade("regex", answer, gold, {.pattern = "<answer>\\s*(.*?)\\s*</answer>"});
  if (const auto expr = math::parse_latex(answer)) math::text_of(expr);
  return 0;
}

#include "runtime/reward/math/verify.h"

#include "runtime/base/text.h"
#include "runtime/reward/math/extract.h"
#include "runtime/reward/math/units.h"

namespace muster::reward::math {

bool is_readable_gold(std::string_view gold) {
  const Extracted wanted = extract_gold(gold);
  return wanted.value || !base::trim(wanted.text).empty();
}

bool verify(std::string_view answer, std::string_view gold, const EqualSettings& settings) {
  const Extracted wanted = extract_gold(gold);
  if (!wanted.value && wanted.text.empty()) return false;
  const Extracted given = extract_answer(answer);
  const auto is_percent = [](const Expr& value) { return value && value->kind == Kind::percent; };
  // The same words are the same answer; the text of a percentage is its number.
  if (units_differ(wanted.unit, given.unit)) return false;
  // (D) 36 is met by 36 and by a lone D.
  const auto is_lone_letter = [](const Extracted& each) {
    return each.label != '\0' && each.value && each.value->kind == Kind::symbol;
  };
  if (is_lone_letter(given) || is_lone_letter(wanted))
    if (wanted.label != '\0' && wanted.label == given.label) return true;
  const std::string text = base::trim(wanted.text);
  if (!text.empty() && text == base::trim(given.text) &&
      (settings.percent || is_percent(wanted.value) == is_percent(given.value)))
    return true;
  try {
    return wanted.value && given.value && equal(wanted.value, given.value, settings);
  } catch (const TooMuch&) {
    return false;
  }
}

}  // namespace muster::reward::math

#include "runtime/reward/choice.h"

#include <string>

#include "runtime/base/text.h"
#include "runtime/reward/math/boxed.h"
#include "runtime/reward/math/undress.h"
#include "runtime/reward/pattern.h"

namespace muster::reward {
namespace {

// B, (B), **B**, $B$, \text{B}, B. Paris; group 1 is the letter. "a prime" has an article.
const std::string kLetter =
    R"((?:\*\*|[$(\[]|\\(?:text\w{0,6}|math\w{2,6}|mbox)\s*\{\s*|\\\()*([A-Za-z])(?![A-Za-z'’])(?!(?<=[a-z])[ \t]+[A-Za-z]))";

std::optional<char> letter_of(const Pattern& pattern, std::string_view text) {
  const auto found = pattern.find_all(text);
  if (found.empty()) return std::nullopt;
  const char letter = found.back().group(text, 1)[0];
  return letter >= 'a' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

}  // namespace

std::optional<char> chosen_letter(std::string_view answer) {
  static const Pattern beginning("^" + kLetter + R"((?=[).:,*\]}$\\]|$))");
  static const Pattern said(R"((?i:answer(?:\s+is)?|choose|choice(?:\s+is)?|option)\s*:?\s*(?:\*\*\s*)?)" + kLetter);
  const std::string text = base::trim(math::undressed(answer));
  if (text.find("\\boxed") != std::string::npos || text.find("\\fbox") != std::string::npos)
    return letter_of(beginning, base::trim(math::boxed_content(text, math::Boxes::last)));
  if (const auto letter = letter_of(said, text)) return letter;
  if (const auto letter = letter_of(beginning, text)) return letter;
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? std::nullopt : letter_of(beginning, base::trim(text.substr(line + 1)));
}

}  // namespace muster::reward

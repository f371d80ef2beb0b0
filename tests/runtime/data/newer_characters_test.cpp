#include "runtime/data/newer_characters.h"

#include <gtest/gtest.h>

#include "runtime/base/utf8.h"
#include "runtime/data/json_node.h"
#include "runtime/data/normalizer.h"
#include "runtime/data/regex.h"

namespace muster::data {
namespace {

std::string character(std::int32_t point) {
  std::string text;
  base::append_utf8(text, point);
  return text;
}

TEST(NewerCharacters, StandInsHaveAsManyBytes) {
  for (std::int32_t point = 0; point < 0x110000; ++point) {
    if (point >= 0xD800 && point < 0xE000) continue;
    const std::string text = character(point);
    const auto other = with_stand_ins(text);
    if (!other) continue;
    ASSERT_EQ(other->size(), text.size()) << std::hex << point;
    ASSERT_FALSE(with_stand_ins(*other)) << std::hex << point;
  }
  EXPECT_EQ(with_stand_ins("plain \u00e9 \u4e2d \U0001F600"), std::nullopt);
}

// Letters, digits and marks of Unicode 15 and 16.
TEST(NewerCharacters, ExpressionsKnowTheirCategory) {
  const auto matches = [](const char* pattern, const std::string& text) {
    std::vector<Span> found;
    Regex(pattern, "here").find_all(text, found);
    return found.size() == 1 && found[0].begin == 0 && found[0].end == text.size();
  };
  EXPECT_TRUE(matches("\\p{L}+", "a\U00031350\U0002EBF0z"));
  EXPECT_TRUE(matches("\\p{Lu}", "\U0000A7CB"));
  EXPECT_TRUE(matches("\\p{N}+", "1\U00010D40"));
  EXPECT_TRUE(matches("\\p{M}", "\u0897"));
  EXPECT_TRUE(matches("\\p{S}", "\u2427"));
  EXPECT_FALSE(matches("\\p{L}", "\U000E0FFF"));
}

TEST(NewerCharacters, NormalFormsLeaveThemAlone) {
  const nlohmann::json file = {{"type", "NFC"}};
  const Normalizer nfc = Normalizer::parse(JsonNode(file, "here"));
  EXPECT_EQ(nfc.normalized("a\u0345\u0898\u0334"), "a\u0345\u0898\u0334");
  EXPECT_EQ(nfc.normalized("a\u0345\u0334"), "a\u0334\u0345");
  EXPECT_EQ(nfc.normalized("e\u0301\u07fde\u0301"), "\u00e9\u07fd\u00e9");
}

}  // namespace
}  // namespace muster::data

#include "runtime/data/normalizer.h"

#include <gtest/gtest.h>

#include "runtime/data/json_node.h"

namespace muster::data {
namespace {

std::string in_form(const char* type, const std::string& text) {
  const nlohmann::json file = {{"type", type}};
  return Normalizer::parse(JsonNode(file, "here")).normalized(text);
}

TEST(Normalizer, FormsAreThoseOfUnicode) {
  const std::string text = "e\u0301 \u00e9 \u212b \ufb01 \u1e9b\u0323 \u1100\u1161\u11a8";
  EXPECT_EQ(in_form("NFC", text), "\u00e9 \u00e9 \u00c5 \ufb01 \u1e9b\u0323 \uac01");
  EXPECT_EQ(in_form("NFD", text), "e\u0301 e\u0301 A\u030a \ufb01 \u017f\u0323\u0307 \u1100\u1161\u11a8");
  EXPECT_EQ(in_form("NFKC", text), "\u00e9 \u00e9 \u00c5 fi \u1e69 \uac01");
  EXPECT_EQ(in_form("NFKD", text), "e\u0301 e\u0301 A\u030a fi s\u0323\u0307 \u1100\u1161\u11a8");
}

TEST(Normalizer, MarksWithoutEndAreOrderedInTime) {
  std::string mixed = "a", first, last;
  for (int i = 0; i < 100'000; ++i) {
    mixed += "\u0345\u0334";
    first += "\u0334";
    last += "\u0345";
  }
  EXPECT_EQ(in_form("NFC", mixed), "a" + first + last);
}

}  // namespace
}  // namespace muster::data

#include "runtime/data/byte_level.h"

#include <gtest/gtest.h>

#include <set>

namespace muster::data {
namespace {

TEST(ByteLevel, TheAlphabetIsABijection) {
  std::set<std::string> seen;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    EXPECT_TRUE(seen.insert(byte_level_text(bytes)).second) << byte;
    EXPECT_EQ(byte_level_bytes(byte_level_text(bytes)), bytes);
  }
}

TEST(ByteLevel, KnownSpellings) {
  EXPECT_EQ(byte_level_text(" a\n"), "\u0120a\u010A");
  EXPECT_EQ(byte_level_text("\xC3\xA9"), "\u00C3\u00A9");
  EXPECT_EQ(byte_level_text(std::string(1, '\0')), "\u0100");
}

TEST(ByteLevel, ACharacterOutsideTheAlphabetHasNoBytes) {
  EXPECT_EQ(byte_level_bytes("a b"), std::nullopt);
  EXPECT_EQ(byte_level_bytes("\u4e2d"), std::nullopt);
}

}  // namespace
}  // namespace muster::data

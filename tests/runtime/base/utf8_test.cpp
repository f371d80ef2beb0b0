#include "runtime/base/utf8.h"

#include <gtest/gtest.h>

namespace muster::base {
namespace {

TEST(Utf8, EveryCodePointGoesThereAndBack) {
  for (std::int32_t point = 0; point <= 0x10FFFF; ++point) {
    if (point >= 0xD800 && point <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, point);
    ASSERT_TRUE(is_utf8(text)) << point;
    ASSERT_EQ(code_point(text), point);
  }
}

TEST(Utf8, OverlongSurrogateAndTooLargeFormsAreNone) {
  for (const char* bytes : {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                            "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xFF", "\xE2\x82"})
    EXPECT_FALSE(is_utf8(bytes));
}

// The example of the Unicode standard, table 3-8: a replacement for each maximal part that goes wrong.
TEST(Utf8, EachMaximalWrongPartBecomesOneReplacement) {
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(lossy_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), replacement + replacement + replacement + replacement +
                                                                    replacement + replacement + replacement +
                                                                    replacement + "A");
  EXPECT_EQ(lossy_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"),
            replacement + replacement + replacement + replacement + "A");
  EXPECT_EQ(lossy_utf8("caf\xC3"), "caf" + replacement);
  EXPECT_EQ(lossy_utf8("caf\xC3\xA9"), "caf\xC3\xA9");
}

}  // namespace
}  // namespace muster::base

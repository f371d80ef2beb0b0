#include "runtime/indexing/other_format.h"

#include <gtest/gtest.h>

namespace muster::indexing {
namespace {

using namespace std::string_literals;

/// `text` with the bytes of UTF-16 or UTF-32 that ASCII has.
std::string wide(const std::string& text, std::size_t bytes, bool big_endian, const std::string& mark = "") {
  std::string made = mark;
  for (const char c : text) {
    std::string one(bytes, '\0');
    one[big_endian ? bytes - 1 : 0] = c;
    made += one;
  }
  return made;
}

const std::string kRow = R"({"prompt":"What is 1 + 1?","answer":"2"})"
                         "\n";

std::string seems(const std::string& begin) {
  const auto other = other_format(begin);
  return other ? other->seems : "";
}

TEST(OtherFormat, JsonLinesAreWhatTheyShouldBe) {
  for (const std::string& begin :
       {kRow, "\n \r\n" + kRow, "\xEF\xBB\xBF"s + kRow, "  " + kRow, ""s, "\n\n"s,
        R"({"prompt":"a, b; c","answer":"1,2"})"s, "# a line of no JSON\n" + kRow, "{\"a\":1}"s})
    EXPECT_EQ(seems(begin), "") << begin;
}

TEST(OtherFormat, WideEncodingsAreKnownWithAndWithoutTheirMark) {
  EXPECT_EQ(seems(wide(kRow, 2, false, "\xFF\xFE"s)), "UTF-16 (little endian)");
  EXPECT_EQ(seems(wide(kRow, 2, true, "\xFE\xFF"s)), "UTF-16 (big endian)");
  EXPECT_EQ(seems(wide(kRow, 4, false, "\xFF\xFE\0\0"s)), "UTF-32 (little endian)");
  EXPECT_EQ(seems(wide(kRow, 4, true, "\0\0\xFE\xFF"s)), "UTF-32 (big endian)");
  EXPECT_EQ(seems(wide(kRow, 2, false)), "UTF-16 (little endian)");
  EXPECT_EQ(seems(wide(kRow, 2, true)), "UTF-16 (big endian)");
  EXPECT_EQ(seems(wide(kRow, 4, false)), "UTF-32 (little endian)");
  EXPECT_EQ(seems(wide(kRow, 4, true)), "UTF-32 (big endian)");
  EXPECT_NE(other_format(wide(kRow, 2, false))->fix.find("iconv -f UTF-16LE -t UTF-8"), std::string::npos);
}

TEST(OtherFormat, OtherFilesAreNamed) {
  EXPECT_EQ(seems("[{\"prompt\":1},\n{\"prompt\":2}]"), "one JSON array");
  EXPECT_EQ(seems("{\n  \"prompt\": 1\n}"), "JSON over several lines");
  EXPECT_EQ(seems("BZh91AY"), "a bzip2 file");
  EXPECT_EQ(seems("\xFD\x37zXZ"s), "an xz file");
  EXPECT_EQ(seems("PK\x03\x04"s), "a zip archive");
  EXPECT_EQ(seems("version https://git-lfs.github.com/spec/v1\noid sha256:1"),
            "a pointer of Git LFS instead of the data");
  EXPECT_EQ(seems("\x7F"
                  "ELF\x02\x01\0\0\0\0\0\0\0\0\0\0\x03\0\x3E"s),
            "a binary file");
  for (const std::string& begin : {"[1]"s, "BZh9"s}) EXPECT_TRUE(other_format(begin)->is_sure) << begin;
}

TEST(OtherFormat, TextOfOtherKindsIsOnlyASuspicion) {
  EXPECT_EQ(seems("prompt,answer\n1+1,2\n"), "CSV with 2 columns");
  EXPECT_EQ(seems("prompt;answer\n1+1;2\n"), "CSV with 2 columns");
  EXPECT_EQ(seems("prompt\tanswer\n1+1\t2\n"), "tab-separated text with 2 columns");
  EXPECT_EQ(seems("{'prompt': 'a', 'answer': 1}\n"), "Python's own notation (single quotes)");
  EXPECT_EQ(seems("<!DOCTYPE html>\n<html>"), "HTML or XML");
  EXPECT_EQ(seems("hello\nworld\n"), "plain text");
  EXPECT_FALSE(other_format("prompt,answer\n1+1,2\n")->is_sure);
}

TEST(OtherFormat, EncodingsOfOneAndTwoBytesAreToldApart) {
  EXPECT_EQ(encoding_of("{\"prompt\":\"Le caf\xE9 co\xFBte combien \xE0 No\xEBl ?\"}").seems,
            "Latin-1 or Windows-1252");
  EXPECT_EQ(encoding_of("{\"prompt\":\"Stra\xDF"
                        "e \xFC"
                        "ber \xC4\xD6\"}")
                .seems,
            "Latin-1 or Windows-1252");
  // "问题" and "计算" in GBK, "日本語の" in Shift-JIS
  EXPECT_EQ(encoding_of("{\"prompt\":\"\xCE\xCA\xCC\xE2 1 \xBC\xC6\xCB\xE3\"}").seems.substr(0, 3), "GBK");
  EXPECT_EQ(encoding_of("{\"prompt\":\"\x82\xB1\x82\xCC\x96\xE2\x91\xE8\x82\xCC\x83\x65\x82\xB5\"}").seems,
            "Shift-JIS");
}

}  // namespace
}  // namespace muster::indexing

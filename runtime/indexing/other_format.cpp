#include "runtime/indexing/other_format.h"

#include <algorithm>
#include <array>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::indexing {
namespace {

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

OtherFormat from_encoding(const std::string& seems, const std::string& iconv_name) {
  return {seems, base::text("convert it: iconv -f ", iconv_name, " -t UTF-8 FILE > NEW.jsonl"), true};
}

struct Magic {
  std::string_view bytes;
  const char *seems, *fix;
};

using namespace std::string_view_literals;
constexpr std::array kMagics{
    Magic{"BZh"sv, "a bzip2 file", "unpack it: bunzip2 FILE (gzip and zstd are read as they are)"},
    Magic{"\xFD\x37zXZ"sv, "an xz file", "unpack it: unxz FILE (gzip and zstd are read as they are)"},
    Magic{"PK\x03\x04"sv, "a zip archive", "unpack it, and name the file or folder that holds the rows"},
    Magic{"7z\xBC\xAF"sv, "a 7z archive", "unpack it, and name the file or folder that holds the rows"},
    Magic{"ARROW1"sv, "an Arrow file",
          "write it as Parquet or as JSON lines: Dataset.to_parquet or to_json of datasets"},
    Magic{"\x89HDF"sv, "an HDF5 file", "write its rows as Parquet or as JSON lines"},
    Magic{"SQLite format 3"sv, "an SQLite database", "write its rows as JSON lines"},
    Magic{"version https://git-lfs"sv, "a pointer of Git LFS instead of the data",
          "fetch the data itself: git lfs pull"},
    Magic{"\x80\x02"sv, "a Python pickle", "write its rows as JSON lines"},
    Magic{"\x80\x03"sv, "a Python pickle", "write its rows as JSON lines"},
    Magic{"\x80\x04"sv, "a Python pickle", "write its rows as JSON lines"},
    Magic{"\x80\x05"sv, "a Python pickle", "write its rows as JSON lines"},
};

/// UTF-16 and UTF-32 with a mark, or without one by where their zero bytes lie.
std::optional<OtherFormat> wide_encoding(std::string_view begin) {
  if (begin.starts_with("\xFF\xFE\0\0"sv)) return from_encoding("UTF-32 (little endian)", "UTF-32");
  if (begin.starts_with("\0\0\xFE\xFF"sv)) return from_encoding("UTF-32 (big endian)", "UTF-32");
  if (begin.starts_with("\xFF\xFE"sv)) return from_encoding("UTF-16 (little endian)", "UTF-16");
  if (begin.starts_with("\xFE\xFF"sv)) return from_encoding("UTF-16 (big endian)", "UTF-16");
  std::array<std::size_t, 4> zeros{}, seen{};
  for (std::size_t at = 0; at < std::min<std::size_t>(begin.size(), 4096); ++at) {
    zeros[at % 4] += begin[at] == '\0' ? 1 : 0;
    ++seen[at % 4];
  }
  // Text of these encodings is ASCII here and there at least: braces, quotes and names of fields.
  const auto is_zero = [&](std::size_t lane) { return seen[lane] > 0 && zeros[lane] * 10 > seen[lane] * 9; };
  const auto is_mixed = [&](std::size_t lane) { return seen[lane] > 0 && zeros[lane] * 10 > seen[lane] * 3; };
  const auto is_text = [&](std::size_t lane) { return zeros[lane] * 10 < seen[lane]; };
  if (is_text(0) && is_zero(2) && is_zero(3)) return from_encoding("UTF-32 (little endian)", "UTF-32LE");
  if (is_text(3) && is_zero(0) && is_zero(1)) return from_encoding("UTF-32 (big endian)", "UTF-32BE");
  if (is_text(0) && is_text(2) && is_mixed(1)) return from_encoding("UTF-16 (little endian)", "UTF-16LE");
  if (is_text(1) && is_text(3) && is_mixed(0)) return from_encoding("UTF-16 (big endian)", "UTF-16BE");
  return std::nullopt;
}

std::ptrdiff_t columns_of(std::string_view line, char separator) {
  return std::count(line.begin(), line.end(), separator) + 1;
}

/// Text whose first line is no JSON object.
std::optional<OtherFormat> other_text(std::string_view first, std::string_view second) {
  if (first.starts_with("{'") || first.starts_with("{ '"))
    return OtherFormat{"Python's own notation (single quotes)", "write each row with json.dumps"};
  if (first.starts_with("<"))
    return OtherFormat{"HTML or XML", "was a page saved instead of the data? fetch the file anew"};
  for (const auto& [separator, name] :
       {std::pair{',', "CSV"}, std::pair{'\t', "tab-separated text"}, std::pair{';', "CSV"}})
    if (columns_of(first, separator) > 1 && !first.starts_with('{') && !second.starts_with('{') &&
        (second.empty() || columns_of(second, separator) > 1))
      return OtherFormat{
          base::text(name, " with ", columns_of(first, separator), " columns"),
          "write each row as a JSON object: python3 -c \"import csv, json, sys; [print(json.dumps(row)) for "
          "row in csv.DictReader(open(sys.argv[1]))]\" FILE > NEW.jsonl"};
  if (!first.starts_with('{') && !second.starts_with('{'))
    return OtherFormat{"plain text", "write each row as a JSON object, one a line"};
  return std::nullopt;
}

}  // namespace

std::optional<OtherFormat> other_format(std::string_view begin) {
  for (const Magic& magic : kMagics)
    if (begin.starts_with(magic.bytes)) return OtherFormat{magic.seems, magic.fix, true};
  if (auto wide = wide_encoding(begin)) return wide;
  if (begin.starts_with("\xEF\xBB\xBF")) begin.remove_prefix(3);
  std::vector<std::string_view> lines;  // the first two that are not blank
  for (std::size_t at = 0; at < begin.size() && lines.size() < 2;) {
    const std::size_t end = std::min(begin.find_first_of("\r\n", at), begin.size());
    std::string_view line = begin.substr(at, end - at);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty()) lines.push_back(line);
    at = end + 1;
  }
  if (lines.empty()) return std::nullopt;
  const std::string_view first = lines[0], second = lines.size() > 1 ? lines[1] : std::string_view();
  if (first.starts_with('['))
    return OtherFormat{"one JSON array", "write an object a line: jq -c '.[]' FILE > NEW.jsonl", true};
  if (first.find_first_not_of("{ \t") == first.npos || (first == "{" && !second.empty()))
    return OtherFormat{"JSON over several lines", "write an object a line: jq -c . FILE > NEW.jsonl", true};
  const auto controls = static_cast<std::size_t>(std::count_if(begin.begin(), begin.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 &&
            std::string_view("\t\r\n\f\x1B").find(c) == std::string_view::npos) ||
           c == 0x7F;
  }));
  if (controls * 50 > begin.size())
    return OtherFormat{"a binary file", "data.path is a file of JSON lines, or Parquet", true};
  return other_text(first, second);
}

std::string fix_for(const OtherFormat& other, const std::string& path) {
  std::string fix = other.fix;
  if (const auto at = fix.find("FILE"); at != fix.npos) fix.replace(at, 4, base::shell_quoted(path));
  return fix;
}

void refuse_format(const OtherFormat& other, const std::string& path) {
  throw Error::user({.what = "this seems to be " + other.seems + "; rows are JSON lines, one object a line",
                     .where = path + ":1",
                     .fix = fix_for(other, path)});
}

OtherFormat encoding_of(std::string_view text) {
  // Letters of Europe stand alone between ASCII; those of GBK, Big5, Shift-JIS and EUC come in pairs.
  std::size_t alone = 0, pairs = 0, kana = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (byte_at(text, at) < 0x80) {
      ++at;
      continue;
    }
    const unsigned second = at + 1 < text.size() ? byte_at(text, at + 1) : 0;
    const bool is_pair =
        byte_at(text, at) >= 0x81 && second >= 0x40 && second != 0x7F && (second >= 0x80 || pairs > alone);
    if (byte_at(text, at) == 0x82 || byte_at(text, at) == 0x83) ++kana;
    is_pair ? ++pairs : ++alone;
    at += is_pair ? 2 : 1;
  }
  if (pairs > 2 * alone && kana * 2 > pairs) return from_encoding("Shift-JIS", "SHIFT-JIS");
  if (pairs > 2 * alone) return from_encoding("GBK, or another encoding of two bytes a character (Big5, EUC)", "GBK");
  return from_encoding("Latin-1 or Windows-1252", "WINDOWS-1252");
}

}  // namespace muster::indexing

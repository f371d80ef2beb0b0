#include "runtime/data/lines.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

struct Found {
  std::int64_t begin, number;
  std::string text;
  bool operator==(const Found&) const = default;
};

class Lines : public testing::Test {
 protected:
  std::string write(const std::string& content) {
    const std::string path = (folder_.path() / "lines.jsonl").string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  static std::vector<Found> found_in(const LineFile& file) {
    std::vector<Found> lines;
    std::int64_t number = 1;
    for (std::int64_t chunk = 0; chunk < file.num_chunks(); ++chunk)
      number += file.read_chunk(chunk, [&](const Line& line) {
        lines.push_back({line.begin_bytes, number + line.number, std::string(line.text)});
      });
    return lines;
  }
  tests::TemporaryFolder folder_;
};

TEST_F(Lines, ChunksOfAnySizeFindTheSameLines) {
  const base::RandomKey random(1, base::Purpose::test);
  for (std::uint64_t round = 0; round < 40; ++round) {
    std::string content;
    std::vector<Found> expected;
    const auto lines = random.at(round * 1000)[0] % 12;
    std::int64_t number = 1;
    for (std::uint64_t l = 0; l < lines; ++l, ++number) {
      const auto draw = random.at(round * 1000 + l + 1);
      const std::string text(draw[0] % 9, draw[1] % 4 == 0 ? ' ' : 'x');
      if (text.find('x') != std::string::npos) expected.push_back({std::ssize(content), number, text});
      content += text;
      if (l + 1 < lines || draw[2] % 2 == 0) content += '\n';
    }
    const std::string path = write(content);
    for (std::int64_t chunk = 1; chunk <= 30; ++chunk)
      EXPECT_EQ(found_in(LineFile(path, chunk)), expected) << "chunks of " << chunk << " bytes of '" << content << "'";
  }
}

TEST_F(Lines, ALineTooLongIsPassedOverWithoutBeingHeld) {
  const std::string path = write("first\n" + std::string(kLongestLineBytes + 5, 'x') + "\nlast");
  std::vector<std::int64_t> sizes;
  LineFile file(path, 3 << 20);
  for (std::int64_t chunk = 0; chunk < file.num_chunks(); ++chunk)
    file.read_chunk(chunk, [&](const Line& line) {
      sizes.push_back(line.size_bytes);
      EXPECT_EQ(line.text.empty(), line.size_bytes > kLongestLineBytes);
    });
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{5, kLongestLineBytes + 5, 4}));
  EXPECT_EQ(file.read(0, 5), "first");
}

TEST_F(Lines, WhatIsNoFileIsRefusedAndWhatBecomesShorterIsACluster) {
  EXPECT_THROW(LineFile("/nowhere/lines.jsonl"), Error);
  EXPECT_THROW(LineFile(folder_.path().string()), Error);
  const std::string path = write("one\ntwo\n");
  const LineFile file(path);
  std::filesystem::resize_file(path, 4);
  try {
    file.read(4, 3);
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::cluster);
  }
}

}  // namespace
}  // namespace muster::data

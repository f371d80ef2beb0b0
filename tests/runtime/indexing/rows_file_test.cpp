#include "runtime/indexing/rows_file.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::indexing {
namespace {

TEST(RowsFile, FilesStandOneBehindTheOtherWithTheirPlaces) {
  const tests::TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& content) {
    base::write_file(folder.path() / name, content);
    return (folder.path() / name).string();
  };
  const std::string a = write("a.jsonl", "{\"n\":1}\n\n{\"n\":2}"), b = write("b.jsonl", ""),
                    c = write("c.jsonl", "{\"n\":3}\n");
  EXPECT_FALSE(needs_rows_file({a}));
  EXPECT_TRUE(needs_rows_file({a, b}));
  const auto shards =
      write_rows_file({.files = {a, b, c}, .output = folder.path() / "rows.jsonl", .fields = {}, .binaries = {}});
  EXPECT_EQ(base::read_file(folder.path() / "rows.jsonl"), "{\"n\":1}\n\n{\"n\":2}\n{\"n\":3}\n");
  ASSERT_EQ(shards.size(), 3u);
  EXPECT_EQ(shards[2].path, c);
  EXPECT_EQ(shards[2].begin_bytes, 17);
  EXPECT_EQ(shards[2].first_line, 3);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "rows.jsonl.part"));
}

TEST(RowsFile, AShardThatIsSomethingElseIsNamed) {
  const tests::TemporaryFolder folder;
  base::write_file(folder.path() / "a.jsonl", "{\"n\":1}\n");
  base::write_file(folder.path() / "b.jsonl", "[1, 2]\n");
  try {
    write_rows_file({.files = {(folder.path() / "a.jsonl").string(), (folder.path() / "b.jsonl").string()},
                     .output = folder.path() / "rows.jsonl",
                     .fields = {},
                     .binaries = {}});
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("b.jsonl:1: this seems to be one JSON array"), std::string::npos)
        << error.what();
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "rows.jsonl"));
}

}  // namespace
}  // namespace muster::indexing

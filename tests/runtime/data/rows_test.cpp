#include "runtime/data/rows.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

TEST(FileKinds, ContentDecidesNotTheName) {
  const tests::TemporaryFolder folder;
  const auto kind = [&](const std::string& name, const std::string& content) {
    base::write_file(folder.path() / name, content);
    return file_kind((folder.path() / name).string());
  };
  EXPECT_EQ(kind("a.jsonl", "{}"), FileKind::lines);
  EXPECT_EQ(kind("b.gz", "{}"), FileKind::lines);
  EXPECT_EQ(kind("c.jsonl", "\x1F\x8B\x08"), FileKind::gzip);
  EXPECT_EQ(kind("d.jsonl", "\x28\xB5\x2F\xFD."), FileKind::zstd);
  EXPECT_EQ(kind("e.data", "PAR1..."), FileKind::parquet);
  EXPECT_EQ(kind("f.parquet", "x"), FileKind::parquet);
  EXPECT_EQ(kind("g.jsonl", ""), FileKind::lines);
}

TEST(FileKinds, WhatOnlyAnIndexCanHoldIsNotOpenedWithoutOne) {
  const tests::TemporaryFolder folder;
  base::write_file(folder.path() / "a.jsonl", "\x1F\x8B\x08");
  EXPECT_THROW(open_rows((folder.path() / "a.jsonl").string()), Error);
  base::write_file(folder.path() / "b.jsonl", "{}\n");
  EXPECT_EQ(open_rows((folder.path() / "b.jsonl").string())->size(), 1);
  EXPECT_THROW(open_rows((folder.path() / "*.jsonl").string()), Error);
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(open_rows((folder.path() / "pipe").string()), Error) << "a pipe is not waited for";
}

}  // namespace
}  // namespace muster::data

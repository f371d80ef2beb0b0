#include "runtime/spec/data_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

class DataFiles : public testing::Test {
 protected:
  std::string make(const std::string& name) {
    const std::string path = (folder_.path() / name).string();
    base::write_file(path, "{}\n");
    return path;
  }
  std::string here(const std::string& name = "") const { return (folder_.path() / name).string(); }
  std::string refusal(const std::string& path) const {
    try {
      data_files(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
    return "taken";
  }
  tests::TemporaryFolder folder_;
};

TEST_F(DataFiles, AFolderIsItsShardsInSortedOrder) {
  const std::string b = make("train-00001.parquet"), a = make("train-00000.parquet");
  make("README.md");
  make("dataset_infos.json");
  make(".hidden.parquet");
  base::make_folder(here("below.parquet"));
  EXPECT_EQ(data_files(folder_.path().string()), (std::vector<std::string>{a, b}));
  EXPECT_EQ(data_files(here("train-*.parquet")), (std::vector<std::string>{a, b}));
  EXPECT_EQ(data_files(a), (std::vector<std::string>{a}));
  EXPECT_TRUE(is_data_there(here("*.parquet")));
  EXPECT_FALSE(is_data_there(here("*.jsonl")));
}

TEST_F(DataFiles, PackedLinesAreShardsToo) {
  const std::string b = make("b.jsonl.zst"), a = make("a.jsonl.gz"), c = make("c.ndjson");
  EXPECT_EQ(data_files(folder_.path().string()), (std::vector<std::string>{a, b, c}));
}

TEST_F(DataFiles, AFileWhoseNameLooksLikeAPatternIsItself) {
  const std::string path = make("rows[1].jsonl");
  EXPECT_EQ(data_files(path), (std::vector<std::string>{path}));
}

TEST_F(DataFiles, WhatIsNotOneSourceIsRefused) {
  EXPECT_NE(refusal(here("none.jsonl")).find("No such file"), std::string::npos);
  EXPECT_NE(refusal(here("*.jsonl")).find("no file matches"), std::string::npos);
  EXPECT_NE(refusal(folder_.path().string()).find("holds no data"), std::string::npos);
  make("train-0.parquet");
  make("test-0.parquet");
  EXPECT_NE(refusal(folder_.path().string()).find("splits test, train"), std::string::npos);
  EXPECT_EQ(data_files(here("train*")).size(), 1u) << "the way that the refusal names";
  make("rows.jsonl");
  EXPECT_NE(refusal(folder_.path().string()).find("2 Parquet files and 1 of JSON lines"), std::string::npos);
}

TEST_F(DataFiles, WhatAContainerHasToSeeOfAPatternIsItsFolder) {
  EXPECT_EQ(data_mount("/data/math/train-*.parquet"), "/data/math");
  EXPECT_EQ(data_mount("/data/m*/train.parquet"), "/data");
  EXPECT_EQ(data_mount("/*.jsonl"), "/");
  EXPECT_EQ(data_mount("/data/rows.jsonl"), "/data/rows.jsonl");
}

TEST_F(DataFiles, APipeIsRefusedAtOnceInsteadOfWaitedFor) {
  ASSERT_EQ(::mkfifo(here("pipe.jsonl").c_str(), 0600), 0);
  EXPECT_NE(refusal(here("pipe.jsonl")).find("no file but a pipe"), std::string::npos);
  EXPECT_NE(refusal(here("*.jsonl")).find("no file but a pipe"), std::string::npos);
  EXPECT_NE(refusal("/dev/null").find("no file"), std::string::npos);
}

}  // namespace
}  // namespace muster::spec

#include "runtime/spec/data_identity.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

DataIdentity identity(std::int64_t rows, const std::string& digest, std::int64_t time_ns = 1) {
  return {.sources = {{.path = "rows.jsonl",
                       .files = {{.path = "rows.jsonl", .size_bytes = rows * 10, .time_ns = time_ns}},
                       .rows = rows,
                       .digest = digest}}};
}

std::string refusal(const std::filesystem::path& folder, const DataIdentity& now) {
  try {
    keep_data_identity(folder, now);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.what();
  }
  return "taken";
}

TEST(DataIdentity, OtherRowsAreRefusedAndNamedUntilAPersonAcceptsThem) {
  const tests::TemporaryFolder run;
  EXPECT_TRUE(keep_data_identity(run.path(), identity(200, "a")).empty());
  EXPECT_EQ(read_data_identity(run.path()), identity(200, "a"));
  EXPECT_EQ(refusal(run.path(), identity(200, "a", 7)), "taken") << "a file that was only touched";
  EXPECT_NE(refusal(run.path(), identity(250, "b")).find("rows.jsonl: 250 rows instead of 200"), std::string::npos);
  EXPECT_NE(refusal(run.path(), identity(200, "b")).find("rows.jsonl: other content"), std::string::npos);
  EXPECT_NE(refusal(run.path(), identity(200, "b")).find("--data-changed"), std::string::npos);
  EXPECT_EQ(read_data_identity(run.path())->sources[0].digest, "a") << "a refusal keeps what was read before";

  accept_data_change(run.path());
  const auto accepted = keep_data_identity(run.path(), identity(250, "b"));
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_NE(accepted[0].find("250 rows instead of 200"), std::string::npos);
  EXPECT_EQ(read_data_identity(run.path())->accepted_changes, 1);
  EXPECT_NE(refusal(run.path(), identity(200, "a")), "taken") << "accepted once";
}

TEST(DataIdentity, AcceptingWithoutAChangeCountsNone) {
  const tests::TemporaryFolder run;
  accept_data_change(run.path());
  keep_data_identity(run.path(), identity(200, "a"));
  accept_data_change(run.path());
  EXPECT_TRUE(keep_data_identity(run.path(), identity(200, "a")).empty());
  EXPECT_EQ(read_data_identity(run.path())->accepted_changes, 0);
}

TEST(DataIdentity, ABrokenFileIsNamed) {
  const tests::TemporaryFolder run;
  for (const char* text : {"", "{}", "[1]", "{\"accepted_changes\":0,\"sources\":[{}]}"}) {
    base::write_file(data_identity_file(run.path()), text);
    EXPECT_NE(refusal(run.path(), identity(1, "a")).find("data_identity.json"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace muster::spec

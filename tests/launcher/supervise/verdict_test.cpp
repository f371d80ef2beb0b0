#include "launcher/supervise/verdict.h"

#include <gtest/gtest.h>

#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::supervise {

using records::read_verdict;
using records::Verdict;
using records::write_verdict;
namespace {

struct Case {
  tests::TemporaryFolder folder;
  spec::Plan plan;
  spec::Placement placement{.attempt = 0, .attempt_id = "me", .nodes = {{0, "n0", "a"}, {1, "n1", "b"}}};
  Case() {
    plan.run_folder = folder.path();
    for (std::int64_t rank = 0; rank < 4; ++rank) plan.ranks.push_back({.rank = rank, .node_slot = rank / 2});
  }
  std::vector<spec::ExitRecord> records(std::int64_t count = 4) const {
    std::vector<spec::ExitRecord> list;
    for (std::int64_t rank = 0; rank < count; ++rank)
      list.push_back({.rank = rank,
                      .host = rank < 2 ? "n0" : "n1",
                      .attempt_id = "me",
                      .phase = "train",
                      .last_call = "dp all_reduce #3"});
    return list;
  }
};

TEST(Verdict, AllEndedWell) {
  const Case c;
  EXPECT_EQ(judge(c.plan, c.placement, c.records(), 0, {}).code, 0);
}

TEST(Verdict, MissingRecordsAreNeverASuccessWhateverTheStarterSaid) {
  const Case c;
  const Verdict verdict = judge(c.plan, c.placement, c.records(2), 0, {});
  EXPECT_EQ(verdict.code, 4);
  EXPECT_NE(verdict.sentence.find("2 of 4 ranks left no exit record: the node agent of slot 1 (n1)"), std::string::npos)
      << verdict.sentence;
  EXPECT_EQ(judge(c.plan, c.placement, {}, 0, {"srun left with code 1 (no such file)"}).code, 3);
}

TEST(Verdict, OneSentenceNamesRankHostPhaseAndCollective) {
  const Case c;
  auto records = c.records();
  records[2].signal = 11;
  records[0].code = 4;
  const Verdict verdict = judge(c.plan, c.placement, records, 0, {"srun left with code 143"});
  EXPECT_EQ(verdict.code, 4);
  EXPECT_EQ(verdict.rank, 2);
  for (const char* part : {"rank 2", "n1", "train", "dp all_reduce #3"})
    EXPECT_NE(verdict.sentence.find(part), std::string::npos) << part << " in " << verdict.sentence;
}

TEST(Verdict, AStopOfThePersonIsNoFailureOfARank) {
  const Case c;
  auto records = c.records();
  for (auto& record : records) record.signal = 15, record.ended_by_agent = true;
  EXPECT_EQ(judge(c.plan, c.placement, records, 2, {"the agent of slot 0 left with code 143"}).code, 130);
}

TEST(Verdict, RecordsOfAnotherAttemptDoNotCount) {
  const Case c;
  base::make_folder(c.folder.path() / "attempt_0");
  auto records = c.records();
  records[3].attempt_id = "another";
  for (const auto& record : records)
    base::write_file(spec::RunPaths{c.folder.path()}.rank_exit(0, record.rank), spec::exit_record_json(record));
  base::write_file(spec::RunPaths{c.folder.path()}.rank_exit(0, 1), "{\"rank\": 1");
  EXPECT_EQ(read_exit_records(c.plan, c.placement).size(), 2U);
}

TEST(Verdict, ReadsWhatItWrote) {
  const Case c;
  base::make_folder(c.folder.path() / "attempt_0");
  const Verdict verdict{.attempt = 0, .code = 4, .sentence = "rank 2 \"died\"", .rank = 2};
  EXPECT_FALSE(read_verdict({c.folder.path()}, 0));
  write_verdict({c.folder.path()}, verdict);
  EXPECT_EQ(read_verdict({c.folder.path()}, 0), verdict);
}

TEST(Verdict, IsWrittenWhateverBytesItsSentenceHolds) {
  const Case c;
  const spec::RunPaths paths{c.folder.path()};
  base::make_folder(paths.attempt(0));
  write_verdict(paths, {.attempt = 0, .code = 2, .sentence = "row 1 is {\"a\": \"1\x9d\"}"});
  const auto read = read_verdict(paths, 0);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->code, 2);
  EXPECT_EQ(read->sentence, "row 1 is {\"a\": \"1\xEF\xBF\xBD\"}");
}

TEST(Verdict, WhereRecordsAreMissingTheAgentsFaultOfTheUserCounts) {
  const Case c;
  const StarterEnd full{"the agent of slot 0 left with code 2 (samples.jsonl: cannot append: No space left on device)",
                        2};
  const Verdict none = judge(c.plan, c.placement, {}, 0, full);
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.sentence.find("No space left on device"), std::string::npos) << none.sentence;
  EXPECT_EQ(judge(c.plan, c.placement, c.records(2), 0, full).code, 2);
  EXPECT_EQ(judge(c.plan, c.placement, {}, 0, {"srun left with code 1", 1}).code, 3);
}

TEST(Verdict, AFullDiskIsTheReasonWhereRecordsAreMissing) {
  Verdict verdict{.code = 4, .sentence = "2 of 4 ranks left no exit record"};
  blame_full_disk(verdict, 2, 1 << 20, "runs/a");
  EXPECT_EQ(verdict.code, 4) << "there is room";
  blame_full_disk(verdict, 0, 4096, "runs/a");
  EXPECT_EQ(verdict.code, 4) << "every rank said how it ended";
  blame_full_disk(verdict, 2, 4096, "runs/a");
  EXPECT_EQ(verdict.code, 2);
  EXPECT_EQ(verdict.sentence,
            "the disk of runs/a is full (4.0 KiB free): free some space there; 2 of 4 ranks left no exit record");
}

}  // namespace
}  // namespace muster::supervise

// Every kind of bad reward program that we know, in a worker as a run has it: what it costs is an outcome for the
// answers that it held; none that was graded is lost, graded twice or changed, and the worker lives.
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "runtime/base/text.h"
#include "runtime/reward/client.h"
#include "tests/runtime/reward/worker_process.h"

namespace muster::reward {
namespace {

constexpr std::int64_t kAnswers = 12, kGuilty = 5;

/// One mode of bad_grader.py: how many of twelve answers are lost, how, and what the note of the guilty one says.
struct Bad {
  const char* mode;
  std::int64_t timeouts = 0, failed = 0;
  const char* note = "";
};

const Bad kBadPrograms[] = {
    // A reply that is no verdict fails its answer.
    {"null", 0, 1, "\"reward\" is null; want {\"id\": 5, \"reward\": number}"},
    {"nan", 0, 1, "\"reward\" is NaN"},
    {"infinity", 0, 1, "\"reward\" is Infinity"},
    {"huge", 0, 1, "too large"},
    {"text", 0, 1, "bad_grader.py wrote {\"id\": 5, \"reward\": \"1.0\"}: \"reward\" is text"},
    {"word", 0, 1, "no JSON"},
    {"list", 0, 1, "is a list"},
    {"object", 0, 1, "is an object"},
    {"score", 0, 1, "did you mean \"reward\" where it says \"score\"?"},
    {"capital", 0, 1, "did you mean \"reward\" where it says \"Reward\"?"},
    {"id_as_text", 0, 1, "\"id\" is text"},
    {"garbage_behind", 0, 1, "no JSON"},
    {"cut", 0, 1, "no JSON"},
    {"twice_in_a_line", 0, 1, "no JSON"},
    // A line that answers nothing fails nothing.
    {"banner"},
    {"debug"},
    {"event"},
    {"unknown_id"},
    {"negative_id"},
    {"nul"},
    {"blank"},
    {"deep"},
    {"long"},
    {"not_utf8"},
    {"crlf"},
    {"twice"},
    {"changes_its_mind"},
    {"threads"},
    {"floods_errors"},
    {"slow"},
    {"slow_start"},
    {"daemonises"},
    {"one_each"},
    // No reply.
    {"no_id", 1, 0, "gave no verdict"},
    {"a_list", 1, 0, "gave no verdict"},
    {"number", 1, 0, "gave no verdict"},
    {"skipped", 1, 0, "gave no verdict"},
    {"wrong_id", 1, 0, "gave no verdict"},
    {"hangs", 1, 0, "gave no verdict"},
    {"ignores_term", 1, 0, "gave no verdict"},
    {"stops_itself", 1, 0, "gave no verdict"},
    {"endless_line", 1, 0, "gave no verdict"},
    {"endless_lines", 1, 0, "gave no verdict"},
    {"endless_errors", 1, 0, "gave no verdict"},
    {"leaves_a_child", 1, 0, "gave no verdict"},
    {"closes_input", 1},
    {"no_flush", 12, 0, "does it flush its output?"},
    {"never_reads", 12, 0, "has read nothing of its standard input"},
    // An end.
    {"exits", 0, 1, "ended with code 3"},
    {"raises", 0, 1, "its last words: ValueError: no such gold answer"},
    {"aborts", 0, 1, "was ended by signal 6"},
    {"kills_itself", 0, 1, "was ended by signal 9"},
    {"takes_memory", 0, 1, "MemoryError"},
    {"closes_output", 0, 1, "closed its standard output"},
    {"dies_each_time", 0, 12, "ended with code 1"},
    {"exits_at_once", 0, 12, "ended with code 1"},
};

/// A worker of its own that grades twelve answers by one bad program.
class Trial {
 public:
  explicit Trial(const Bad& bad)
      : bad_(bad), worker_({.timeout_s = 5, .start_timeout_s = 8, .max_memory_gb = 0.5, .log_mb = 1}) {}
  void begin() {
    client_.emplace(std::vector<int>{worker_.fd()}, ClientOptions{});
    const GradeSettings settings{
        .command = {"python3", MUSTER_SOURCE_DIR "/tests/runtime/reward/bad_grader.py", bad_.mode}};
    for (const std::int64_t id : ids_)
      client_->submit({.id = id, .kind = "command", .answer = "a", .gold = "g", .settings = settings});
  }
  void check() {
    SCOPED_TRACE(bad_.mode);
    const Collected collected = client_->collect(ids_);
    std::map<Outcome, std::int64_t> count;
    for (std::size_t i = 0; i < collected.grades.size(); ++i) {
      const Grade& grade = collected.grades[i];
      ++count[grade.outcome];
      if (grade.outcome == Outcome::graded) {
        EXPECT_EQ(grade.reward, static_cast<double>(i % 10) / 10);
      }
      EXPECT_EQ(collected.notes[i].empty(), grade.outcome == Outcome::graded);
    }
    EXPECT_EQ(count[Outcome::timeout], bad_.timeouts);
    EXPECT_EQ(count[Outcome::failed], bad_.failed);
    EXPECT_NE(collected.notes[kGuilty].find(bad_.note), std::string::npos) << collected.notes[kGuilty];
    EXPECT_EQ(client_->lost_workers(), 0);
    client_.reset();
    EXPECT_EQ(worker_.wait(), 0);
  }

 private:
  const Bad& bad_;
  WorkerProcess worker_;
  std::optional<RewardClient> client_;
  std::vector<std::int64_t> ids_ = [] {
    std::vector<std::int64_t> ids(kAnswers);
    for (std::int64_t id = 0; id < kAnswers; ++id) ids[id] = id;
    return ids;
  }();
};

TEST(BadPrograms, CostTheAnswersThatTheyHeldAndNoOthers) {
  ::testing::internal::CaptureStderr();
  constexpr std::size_t kAtOnce = 15;
  std::size_t done = 0;
  while (done < std::size(kBadPrograms)) {
    std::vector<std::unique_ptr<Trial>> trials;  // workers are forked before the clients start their threads
    for (; trials.size() < kAtOnce && done < std::size(kBadPrograms); ++done)
      trials.push_back(std::make_unique<Trial>(kBadPrograms[done]));
    for (const auto& trial : trials) trial->begin();
    for (const auto& trial : trials) trial->check();
  }
  ::testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace muster::reward

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "runtime/base/random.h"
#include "runtime/spec/toml_reader.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

Job read(const std::string& text, base::Faults& faults, std::vector<std::string> overrides = {}) {
  return read_job({.text = text, .where = "job.toml", .overrides = std::move(overrides)}, "bases", faults);
}

/// A job in which every number, word and flag differs from its default where the rules allow it.
Job unusual_job() {
  Job job;
  job.name = "odd \"name\" \\ with\ttabs";
  job.seed = 9007199254740993ull;
  job.rank_wrapper = {"nsys", "profile", "-o", "a b"};
  job.model.path = "/m";
  job.model.initial_std = 0.1;
  job.model.dtype = DataType::fp32;
  job.placement.mode = PlacementMode::split;
  job.loss.kl_kind = KlKind::k1;
  job.loss.correction = Correction::mask;
  job.optimizer.lr = 1.0 / 3;
  job.optimizer.eps = 1e-300;
  job.sampling.stop = {"<|im_end|>", "\n", "ü"};
  job.data.prompt = "{a}\n{b}";
  job.data.sources = {{.path = "a.parquet", .schema = "dapo-math-17k", .weight = 0.5},
                      {.path = "b.jsonl", .prompt_field = "q\"x", .validate_only = true}};
  job.reward.parts = {{.name = "right", .command = {"python3", "a b.py"}},
                      {.kind = "regex", .weight = -0.5, .pattern = "\\d\""}};
  job.refit.verify = Switch::off;
  return job;
}

TEST(JobSchema, TextAndBackIsTheSameJob) {
  for (const Job& job : {Job{}, unusual_job()}) {
    base::Faults faults;
    const Job back = read(job_text(job), faults);
    EXPECT_TRUE(faults.empty()) << Error(base::ErrorKind::user, faults.list()).what();
    EXPECT_EQ(back, job);
    EXPECT_EQ(job_text(back), job_text(job));
  }
}

TEST(JobSchema, EveryKeyIsListedOnceWithItsMeaning) {
  std::set<std::string> seen;
  for (const KeyInfo& key : job_keys()) {
    EXPECT_TRUE(seen.insert(key.key).second) << key.key;
    EXPECT_FALSE(key.meaning.empty()) << key.key;
    EXPECT_FALSE(key.type.empty()) << key.key;
    EXPECT_FALSE(key.fallback.empty()) << key.key;
  }
  EXPECT_TRUE(seen.contains("train.tp"));
  EXPECT_TRUE(seen.contains("grpo.max_sequence_tokens"));
  EXPECT_GT(seen.size(), 100u);
}

TEST(JobSchema, EveryListedKeyCanBeSetToItsDefault) {
  for (const KeyInfo& key : job_keys()) {
    if (key.key == "base" || key.key.find("[]") != std::string::npos) continue;
    base::Faults faults;
    EXPECT_EQ(read("", faults, {key.key + "=" + key.fallback}), Job{}) << key.key;
    EXPECT_TRUE(faults.empty()) << key.key;
  }
}

TEST(JobSchema, AListOfTablesIsReadStrictlyAndKnowsItsPlaces) {
  base::Faults faults;
  KeyPlaces places;
  const JobSource source{.text =
                             "[data]\nprompt = \"{q}\"\n[[data.sources]]\npath = \"a\"\nweight = 2\n"
                             "[[data.sources]]\npath = \"b\"\nwait = 2\nschema = \"dapo\"\n",
                         .where = "job.toml"};
  const Job job = read_job(source, "bases", faults, &places);
  ASSERT_EQ(job.data.sources.size(), 2u);
  EXPECT_EQ(job.data.sources[0].weight, 2);
  EXPECT_EQ(job.data.sources[1].path, "b");
  EXPECT_EQ(places.of("data.sources[1].path"), "job.toml:7:1");
  ASSERT_EQ(faults.list().size(), 2u);
  EXPECT_EQ(faults.list()[0].where, "job.toml:9:10");
  EXPECT_NE(faults.list()[1].what.find("wait"), std::string::npos) << faults.list()[1].what;
}

TEST(JobSchema, OverridesComeLastAndNameThemselvesInFaults) {
  base::Faults faults;
  KeyPlaces places;
  const JobSource source{
      .text = "[train]\ntp = 2\n", .where = "job.toml", .overrides = {"train.tp=4", "train.trp=1", "gen.dtype=fp9"}};
  const Job job = read_job(source, "bases", faults, &places);
  EXPECT_EQ(job.train.tp, 4);
  EXPECT_EQ(places.of("train.tp"), "--set train.tp=4");
  EXPECT_EQ(places.of("train.dp"), "job.toml");
  ASSERT_EQ(faults.list().size(), 2u);
  EXPECT_EQ(faults.list()[0].where, "--set train.trp=1");
  EXPECT_NE(faults.list()[1].fix.find("fp8"), std::string::npos);
}

TEST(JobSchema, DifferencesHoldWhatIsNotTheDefault) {
  Job job;
  job.train.tp = 2;
  job.name = "x";
  const auto differences = job_differences(job);
  ASSERT_EQ(differences.size(), 2u);
  EXPECT_EQ(differences[0], (std::pair<std::string, std::string>{"name", "\"x\""}));
  EXPECT_EQ(differences[1], (std::pair<std::string, std::string>{"train.tp", "2"}));
}

TEST(JobSchema, ABaseIsReadFirst) {
  const tests::TemporaryFolder folder;
  std::ofstream(folder.path() / "a.toml") << "base = \"b\"\n[train]\ntp = 2\n";
  std::ofstream(folder.path() / "b.toml") << "[train]\ntp = 8\ndp = 3\n[gen]\ntp = 2\n";
  base::Faults faults;
  KeyPlaces places;
  const Job job = read_job({.text = "base = \"b\"\n[gen]\ntp = 5\n", .where = "j.toml", .overrides = {}}, folder.path(),
                           faults, &places);
  EXPECT_TRUE(faults.empty());
  EXPECT_EQ(job.train.tp, 8);
  EXPECT_EQ(job.train.dp, 3);
  EXPECT_EQ(job.gen.tp, 5);
  EXPECT_EQ(job.base, "b");
  EXPECT_EQ(places.of("train.dp"), (folder.path() / "b.toml").string() + ":3:1");
  EXPECT_EQ(places.of("gen.tp"), "j.toml:3:1");
  EXPECT_EQ(read_job({.text = "base = \"a\"", .where = "j.toml", .overrides = {}}, folder.path(), faults).train.tp, 2)
      << "a base may build on another";
  EXPECT_TRUE(faults.empty());
  read_job({.text = "base = \"bb\"", .where = "j.toml", .overrides = {}}, folder.path(), faults);
  ASSERT_EQ(faults.list().size(), 1u);
  EXPECT_TRUE(faults.list()[0].fix.starts_with("did you mean \"b\"?")) << faults.list()[0].fix;
  EXPECT_EQ(faults.list()[0].where, "j.toml:1:1");
}

TEST(JobSchema, ABaseOfTheUsersIsAPathFromTheFileThatNamesIt) {
  const tests::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "sweep");
  std::ofstream(folder.path() / "mine.toml") << "[train]\ntp = 8\ndp = 3\n";
  std::ofstream(folder.path() / "sweep" / "lr.toml") << "base = \"../mine.toml\"\n[optimizer]\nlr = 0.5\n";
  const auto read = [&](const std::string& base, base::Faults& faults) {
    return read_job({.text = "base = \"" + base + "\"\n[train]\ndp = 4\n",
                     .where = (folder.path() / "job.toml").string(),
                     .overrides = {}},
                    folder.path() / "bases", faults);
  };
  base::Faults none;
  for (const std::string base : {"sweep/lr.toml", "./sweep/lr.toml"}) {
    const Job job = read(base, none);
    EXPECT_EQ(job.train.tp, 8);
    EXPECT_EQ(job.train.dp, 4);
    EXPECT_EQ(job.optimizer.lr, 0.5);
    EXPECT_EQ(job.base, base);
  }
  EXPECT_TRUE(none.empty());
  base::Faults missing;
  read("./other.toml", missing);
  ASSERT_EQ(missing.list().size(), 1u);
  EXPECT_EQ(missing.list()[0].what, "there is no base \"./other.toml\"");
}

TEST(JobSchema, ABaseThatCanBeNoFileIsAFault) {
  base::Faults faults;
  for (const std::string& name : {std::string(5000, 'b'), std::string(5000, 'b') + ".toml"})
    read_job({.text = "base = \"" + name + "\"\n", .where = "j.toml", .overrides = {}}, "bases", faults);
  EXPECT_EQ(faults.list().size(), 2u);
}

TEST(JobSchema, BasesThatGoInACircleAreRefused) {
  const tests::TemporaryFolder folder;
  const std::string a = (folder.path() / "a.toml").string();
  std::ofstream(folder.path() / "a.toml") << "base = \"./b.toml\"\n";
  std::ofstream(folder.path() / "b.toml") << "base = \"./a.toml\"\n";
  base::Faults faults;
  read_job({.text = "base = \"./b.toml\"\n", .where = a, .overrides = {}}, folder.path(), faults);
  ASSERT_EQ(faults.list().size(), 1u);
  EXPECT_EQ(faults.list()[0].where, (folder.path() / "b.toml").string() + ":1:1");
  EXPECT_NE(faults.list()[0].what.find("circle"), std::string::npos);
}

TEST(JobSchema, FaultsOfBothFilesComeInOneGo) {
  const tests::TemporaryFolder folder;
  std::ofstream(folder.path() / "b.toml") << "[train]\ntp = 0\n";
  base::Faults faults;
  read_job({.text = "base = \"b\"\n[gen]\ntpp = 5\n", .where = "j.toml", .overrides = {"gen.dp=0"}}, folder.path(),
           faults);
  ASSERT_EQ(faults.list().size(), 3u);
  EXPECT_EQ(faults.list()[0].where, (folder.path() / "b.toml").string() + ":2:6");
  EXPECT_EQ(faults.list()[1].where, "j.toml:3:1");
  EXPECT_EQ(faults.list()[2].where, "--set gen.dp=0");
}

/// Changes a few bytes, lines or values of a job file; keyed by `index` alone.
std::string mutated(std::string text, std::uint64_t index) {
  const base::RandomKey key(1, base::Purpose::test, index);
  const auto draw = [&](std::uint64_t at, std::size_t below) {
    return static_cast<std::size_t>(key.uniform(at) * static_cast<double>(below));
  };
  const std::vector<std::string> values{
      "-1",    "0", "99999999999999",     "nan", "\"x\"", "[]", "{}", "true", "1e400", "\"\\uD800\"",
      "[[1]]", "",  "0x7fffffffffffffff", "'''"};
  const std::size_t changes = 1 + draw(0, 4);
  for (std::size_t change = 0; change < changes; ++change) {
    const std::uint64_t at = 10 * (change + 1);
    const std::size_t position = draw(at, text.size());
    switch (draw(at + 1, 5)) {
      case 0:
        text[position] = static_cast<char>(draw(at + 2, 256));
        break;
      case 1:
        text.erase(position, draw(at + 2, 30));
        break;
      case 2:
        text.insert(position, text.substr(draw(at + 2, text.size()), draw(at + 3, 40)));
        break;
      default: {
        const std::size_t equals = text.find("= ", position);
        if (equals == std::string::npos) break;
        const std::size_t end = text.find('\n', equals);
        text.replace(equals + 2, end - equals - 2, values[draw(at + 2, values.size())]);
      }
    }
    if (text.empty()) text = "\n";
  }
  return text;
}

TEST(JobSchema, MutatedFilesNeverCrashAndAlwaysNameAPlace) {
  const std::string text = job_text(unusual_job());
  std::size_t refused = 0;
  for (std::uint64_t index = 0; index < 4000; ++index) {
    base::Faults faults;
    std::vector<std::string> warnings;
    KeyPlaces places;
    const Job job =
        read_job({.text = mutated(text, index), .where = "job.toml", .overrides = {}}, "bases", faults, &places);
    check_job(job, nullptr, places, faults, warnings);
    for (const base::Fault& fault : faults.list())
      EXPECT_EQ(fault.where.rfind("job.toml", 0), 0u) << index << ": " << fault.what;
    if (!faults.empty()) ++refused;
  }
  EXPECT_GT(refused, 2000u);
}

}  // namespace
}  // namespace muster::spec

#include "launcher/rows/rows.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/files.h"
#include "runtime/spec/toml_reader.h"
#include "tests/support/temporary_folder.h"

namespace muster::rows {
namespace {
namespace fs = std::filesystem;

const fs::path kTemplates = fs::path(MUSTER_SOURCE_DIR) / "templates";

std::vector<PublishedRow> all() { return read_rows(kTemplates / "published.toml"); }

std::vector<std::string> ids(const std::vector<PublishedRow>& rows) {
  std::vector<std::string> names;
  for (const PublishedRow& row : rows) names.push_back(row.id);
  return names;
}

spec::Job job_of(const PublishedRow& row) {
  const fs::path file = kTemplates / "jobs" / (row.job + ".toml");
  base::Faults faults;
  const spec::Job job = spec::read_job({.text = base::read_file(file), .where = file.string(), .overrides = {}},
                                       kTemplates / "bases", faults);
  faults.throw_if_any();
  return job;
}

/// Every column that a row prints, beside what its job says; by the key of the job.
std::map<std::string, std::pair<std::int64_t, std::int64_t>> columns(const PublishedRow& row, const spec::Job& job) {
  const std::int64_t gpus =
      spec::train_ranks(job) + (job.placement.mode == spec::PlacementMode::split ? spec::gen_ranks(job) : 0);
  return {{"gpus", {row.gpus, gpus}},
          {"grpo.max_sequence_tokens", {row.max_sequence_tokens, job.grpo.max_sequence_tokens}},
          {"grpo.prompts_per_step", {row.samples_per_step, spec::samples_per_step(job)}},
          {"train.gbs", {row.update_samples, job.train.gbs}},
          {"gen.tp", {row.gen_tp, job.gen.tp}},
          {"gen.pp", {row.gen_pp, job.gen.pp}},
          {"gen.dp", {row.gen_dp, job.gen.dp}},
          {"train.tp", {row.train_tp, job.train.tp}},
          {"train.cp", {row.train_cp, job.train.cp}},
          {"train.ep", {row.train_ep, job.train.ep}},
          {"train.pp", {row.train_pp, job.train.pp}},
          {"train.dp", {row.train_dp, job.train.dp}}};
}

TEST(PublishedRows, EveryColumnStandsInTheJobSaveThoseCalledWrong) {
  EXPECT_EQ(all().size(), 55u);
  for (const PublishedRow& row : all()) {
    const spec::Job job = job_of(row);
    for (const auto& [key, values] : columns(row, job)) {
      if (values.first == 0) continue;  // not printed
      const bool differs = std::find(row.differs.begin(), row.differs.end(), key) != row.differs.end();
      EXPECT_EQ(values.first != values.second, differs)
          << row.id << " " << key << ": printed " << values.first << ", job " << values.second;
    }
    EXPECT_EQ(row.gen_dtype == "fp8", job.gen.dtype == spec::DataType::fp8) << row.id;
    EXPECT_EQ(row.train_dtype == "fp8", job.train.fp8) << row.id;
    EXPECT_EQ(row.backend == "dtensor", job.train.backend == spec::Backend::dtensor) << row.id;
    EXPECT_EQ(row.mode != "on-policy", job.async.enabled) << row.id;
    EXPECT_EQ(row.mode == "8-off" ? 8 : 1, job.async.max_staleness) << row.id;
    EXPECT_TRUE(fs::exists(fs::path(MUSTER_SOURCE_DIR) / "clusters" / (row.cluster + ".toml"))) << row.cluster;
    EXPECT_EQ(row.differs.empty() && row.note.find("Print") != std::string::npos, false) << row.id;
  }
}

TEST(PublishedRows, IdsAreUniqueAndEveryPublishedJobHasARow) {
  std::set<std::string> names, jobs;
  for (const PublishedRow& row : all()) {
    EXPECT_TRUE(names.insert(row.id).second) << row.id;
    jobs.insert(row.job);
  }
  for (const auto& entry : fs::directory_iterator(kTemplates / "jobs")) {
    const std::string name = entry.path().stem().string();
    EXPECT_TRUE(jobs.contains(name) || name.starts_with("reverse-digits") || name.starts_with("smollm2-135m-") ||
                name.ends_with("-synthetic"))
        << name;
  }
}

TEST(PublishedRows, WordsSelectByAnyFieldOrAByNamedOne) {
  EXPECT_EQ(select_rows(all(), {}).size(), 55u);
  EXPECT_EQ(ids(select_rows(all(), {"v0.5", "Llama", "16", "fp8"})),
            std::vector<std::string>{"v0.5-h100-fp8-llama8b-1off"});
  EXPECT_EQ(ids(select_rows(all(), {"dtensor"})), std::vector<std::string>{"v0.4-draft1-llama8b-dtensor"});
  EXPECT_EQ(ids(select_rows(all(), {"mode=8-off"})), std::vector<std::string>{"v0.6-h100-bf16-qwen3-30ba3b-8off"});
  for (const PublishedRow& row : select_rows(all(), {"gb200", "gpus=16"})) EXPECT_EQ(row.gpus, 16);
}

TEST(PublishedRows, AWordThatHoldsForNoneIsRefusedWithTheNearest) {
  const auto fault = [](const std::vector<std::string>& words) {
    try {
      select_rows(all(), words);
    } catch (const Error& error) {
      return error.faults()[0];
    }
    return base::Fault{"accepted", "", ""};
  };
  EXPECT_EQ(fault({"dtensro"}).what, "no published row is \"dtensro\"");
  EXPECT_EQ(fault({"dtensro"}).fix.substr(0, 23), "did you mean \"dtensor\"?");
  EXPECT_EQ(fault({"gpu=16"}).fix.substr(0, 20), "did you mean \"gpus\"?");
  EXPECT_EQ(fault({"dtensor", "gb200"}).what, "no published row is all of: dtensor, gb200");
}

TEST(PublishedRows, SortingPutsFastFirstAndTheUnprintedLast) {
  std::vector<PublishedRow> rows = all();
  sort_rows(rows, "tokens_per_s_per_gpu");
  EXPECT_EQ(rows.front().id, "v0.5-gb200-bf16-llama8b-1off");
  sort_rows(rows, "step_s");
  EXPECT_EQ(rows.front().step_s, 34.5);
  EXPECT_EQ(rows.back().step_s, 0);
  EXPECT_THROW(sort_rows(rows, "step"), Error);
}

TEST(PublishedRows, JsonLeavesOutWhatIsNotPrinted) {
  const auto rows = select_rows(all(), {"newckpt"});
  const nlohmann::ordered_json value = row_value(rows.at(0));
  EXPECT_FALSE(value.contains("step_s"));
  EXPECT_EQ(value["tokens_per_s_per_gpu"], 26.1);
}

TEST(PublishedRows, FaultsOfTheFileHaveTheirPlaces) {
  const tests::TemporaryFolder folder;
  const fs::path file = folder.path() / "published.toml";
  std::ofstream(file) << "[[row]]\nid = \"a\"\ngpus = -1\n";
  try {
    read_rows(file);
    FAIL() << "accepted";
  } catch (const Error& error) {
    ASSERT_EQ(error.faults().size(), 2u);
    EXPECT_EQ(error.faults()[0].where, file.string() + ":3:8");
    EXPECT_EQ(error.faults()[1].where, file.string() + ":1:1");
  }
}

}  // namespace
}  // namespace muster::rows

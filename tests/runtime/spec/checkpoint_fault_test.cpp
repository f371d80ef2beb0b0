#include "runtime/spec/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <random>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/small_plan.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kStep = 6;

class CheckpointFault : public testing::Test {
 protected:
  CheckpointFault() : plan_(tests::small_plan(folder_.path() / "run", 1, 2, {})), paths_{plan_.run_folder} {
    manifest_ = {.step = kStep,
                 .layout = layout_text(plan_),
                 .decides = deciding_values(plan_),
                 .weight_version = kStep + 1,
                 .data_epoch = 1,
                 .data_position = 3};
    base::make_folder(here());
    for (const std::int64_t rank : {0, 1}) {
      const std::string content = std::string(300, static_cast<char>('a' + rank));
      base::write_file(here() / checkpoint_file_name(rank), content);
      manifest_.files.push_back({checkpoint_file_name(rank), 300, base::sha256_of(content)});
    }
    write();
  }
  fs::path here() const { return checkpoint_folder(paths_, kStep); }
  void write() const { base::write_file(manifest_path(here()), checkpoint_manifest_json(manifest_)); }
  /// Why not one rank or the other could go on from the checkpoint of this step.
  std::string fault(std::int64_t step = kStep) const {
    const std::string first = checkpoint_fault(paths_, plan_, step, 0);
    return first.empty() ? checkpoint_fault(paths_, plan_, step, 1) : first;
  }
  void expect_fault(const std::string& words) const { EXPECT_NE(fault().find(words), std::string::npos) << fault(); }

  tests::TemporaryFolder folder_;
  Plan plan_;
  RunPaths paths_;
  CheckpointManifest manifest_;
};

TEST_F(CheckpointFault, OneOfThisRunHasNone) {
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(checkpoint_fault(paths_, plan_, kStep, std::nullopt), "");
}

TEST_F(CheckpointFault, WhatAPersonMayChangeBetweenTwoAttemptsIsNone) {
  plan_.job.grpo.steps += 5;
  plan_.job.log.samples = -1;
  plan_.job.log.every = 7;
  plan_.job.checkpoint.every = 1;
  plan_.job.validate.every = 2;
  plan_.job.watchdog.comm_timeout_s = 1;
  plan_.job.reward.timeout_s = 60;
  plan_.job.reward.workers = 3;
  plan_.job.requeue.max = 3;
  plan_.job.train.mbs = 2;
  plan_.job.gen.kv_gb = 1;
  plan_.job.rank_wrapper = {"numactl"};
  EXPECT_EQ(fault(), "");
}

TEST_F(CheckpointFault, AnotherRunIsNamedByWhatDiffers) {
  const Plan own = plan_;
  const std::map<std::string, std::function<void(Plan&)>> changes{
      {"seed was 0, is 5", [](Plan& plan) { plan.job.seed = 5; }},
      {"name was", [](Plan& plan) { plan.job.name = "other"; }},
      {"model.path", [](Plan& plan) { plan.job.model.path = "/elsewhere"; }},
      {"facts", [](Plan& plan) { plan.model.rope_theta = 5e5; }},
      {"data.path", [](Plan& plan) { plan.job.data.path = "builtin:letters"; }},
      {"loss.kl_weight was 0", [](Plan& plan) { plan.job.loss.kl_weight = 0.5; }},
      {"optimizer.lr", [](Plan& plan) { plan.job.optimizer.lr = 0.5; }},
      {"reward.kind", [](Plan& plan) { plan.job.reward.kind = "exact"; }},
      {"train.gbs", [](Plan& plan) { plan.job.train.gbs = 64; }},
      {"grpo.prompts_per_step", [](Plan& plan) { plan.job.grpo.prompts_per_step = 1; }},
      {"fsdp 1", [](Plan& plan) { plan.job.train.fsdp = 1; }},
      {"the run has steps 1 .. 5", [](Plan& plan) { plan.job.grpo.steps = 5; }}};
  for (const auto& [words, change] : changes) {
    plan_ = own;
    change(plan_);
    expect_fault(words);
  }
}

TEST_F(CheckpointFault, AFolderThatWasRenamedIsFound) {
  for (const std::int64_t step : {4, 9, 99}) {
    fs::rename(here(), checkpoint_folder(paths_, step));
    EXPECT_NE(fault(step).find("its manifest of step 6"), std::string::npos) << fault(step);
    fs::rename(checkpoint_folder(paths_, step), here());
  }
}

TEST_F(CheckpointFault, EveryFileThatTheLayoutWantsIsListedAndNoOther) {
  const CheckpointManifest honest = manifest_;
  manifest_.files.clear();
  write();
  expect_fault("it lists 0 files of 2 ranks");
  manifest_ = honest;
  std::swap(manifest_.files[0], manifest_.files[1]);
  write();
  expect_fault("in the place of train_0.safetensors");
  manifest_ = honest;
  manifest_.files[1].name = "../../elsewhere";
  write();
  expect_fault("it lists '../../elsewhere'");
  manifest_ = honest;
  manifest_.files.push_back({"train_2.safetensors", 300, "ab"});
  write();
  expect_fault("it lists 3 files");
}

TEST_F(CheckpointFault, ASupervisedStartThatMeasuresItsRewardHasMoreVersions) {
  manifest_.weight_version = kStep + 2 + 5;
  write();
  expect_fault("weight version 13");
  plan_.job.warmup.sft_steps = 20;
  plan_.job.warmup.check_every = 4;
  manifest_.decides = deciding_values(plan_);
  write();
  EXPECT_EQ(fault(), "");
}

TEST_F(CheckpointFault, FiguresOutOfRangeAreFound) {
  const CheckpointManifest honest = manifest_;
  const auto expect = [&](std::int64_t CheckpointManifest::*figure, std::int64_t value, const char* words) {
    manifest_ = honest;
    manifest_.*figure = value;
    write();
    expect_fault(words);
  };
  expect(&CheckpointManifest::weight_version, -9, "weight version -9");
  expect(&CheckpointManifest::weight_version, 900, "weight version 900");
  expect(&CheckpointManifest::data_epoch, INT64_MAX, "epoch 9223372036854775807");
  expect(&CheckpointManifest::data_position, -1, "position -1");
}

TEST_F(CheckpointFault, ALinkInThePlaceOfAFileIsNoFile) {
  const fs::path file = here() / checkpoint_file_name(1);
  fs::rename(file, folder_.path() / "elsewhere");
  fs::create_symlink(folder_.path() / "elsewhere", file);
  expect_fault("train_1.safetensors: not a file");
}

// Changes one file of the checkpoint in one of the ways in which disks and people do.
void damage(const fs::path& folder, std::mt19937& random) {
  const std::vector<std::string> names{"manifest.json", checkpoint_file_name(0), checkpoint_file_name(1)};
  const fs::path file = folder / names[random() % names.size()], other = folder / names[random() % names.size()];
  std::string content = base::read_file(file);
  switch (random() % 8) {
    case 0:
      content.resize(random() % content.size());
      break;
    case 1:
      content += static_cast<char>(random());
      break;
    case 2:
      fs::remove(file);
      return;
    case 3:
      if (file != other) return fs::rename(file, other);
      [[fallthrough]];
    case 4:
      return fs::rename(file, file.string() + ".bak");
    default:
      content[random() % content.size()] ^= static_cast<char>(1 << random() % 8);
  }
  base::write_file(file, content);
}

TEST_F(CheckpointFault, OfAThousandDamagedOnesEveryOneIsFound) {
  std::mt19937 random(11);
  const fs::path kept = folder_.path() / "kept";
  fs::copy(here(), kept, fs::copy_options::recursive);
  for (int i = 0; i < 1000; ++i) {
    damage(here(), random);
    EXPECT_NE(fault(), "") << "damage " << i;
    fs::remove_all(here());
    fs::copy(kept, here(), fs::copy_options::recursive);
  }
  EXPECT_EQ(fault(), "");
}

TEST_F(CheckpointFault, NoBitOfTheManifestMayFlip) {
  const std::string honest = base::read_file(manifest_path(here()));
  for (std::size_t byte = 0; byte < honest.size(); ++byte) {
    std::string content = honest;
    content[byte] ^= static_cast<char>(1 << byte % 8);
    EXPECT_THROW(parse_checkpoint_manifest(content, "here"), Error) << "byte " << byte << " of\n" << content;
  }
}

}  // namespace
}  // namespace muster::spec

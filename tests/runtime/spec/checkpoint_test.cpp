#include "runtime/spec/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

const CheckpointManifest kManifest{.step = 12,
                                   .attempt = 1,
                                   .layout = "megatron tp 2",
                                   .decides = {{"seed", "5"}},
                                   .weight_version = 13,
                                   .data_epoch = 2,
                                   .data_position = 7,
                                   .files = {{"train_0.safetensors", 100, "ab"}, {"train_1.safetensors", 101, "cd"}}};

TEST(Checkpoint, TheManifestReadsWhatItWrote) {
  EXPECT_EQ(parse_checkpoint_manifest(checkpoint_manifest_json(kManifest), "here"), kManifest);
}

TEST(Checkpoint, ALayoutTellsHowItsBucketsAreCut) {
  Plan plan;
  plan.model = named_model_facts("qwen3-0.6b", std::filesystem::path(MUSTER_SOURCE_DIR) / "templates");
  plan.train.dp = 2;
  const std::string one = layout_text(plan);
  EXPECT_NE(one.find("in buckets of 40000000"), std::string::npos) << one;
  plan.job.train.bucket_params = 1000;
  EXPECT_NE(layout_text(plan), one);
  plan.job.train.bucket_params = 1'000'000'000;  // one bucket
  EXPECT_EQ(layout_text(plan).find("buckets"), std::string::npos);
  plan.job.train.bucket_params = 1000;
  plan.train.dp = 1;  // nothing is cut
  EXPECT_EQ(layout_text(plan).find("buckets"), std::string::npos);
}

TEST(Checkpoint, ANoteReadsWhatItWrote) {
  EXPECT_EQ(parse_checkpoint_file(checkpoint_file_json(kManifest.files[1]), "here"), kManifest.files[1]);
  EXPECT_THROW(parse_checkpoint_file("{\"name\": 3}", "here"), Error);
}

TEST(Checkpoint, ABrokenManifestIsRefusedWithItsPlace) {
  for (const std::string content : {"", "{}", "{\"step\": \"x\"}", "[1"}) {
    try {
      parse_checkpoint_manifest(content, "runs/a/manifest.json");
      FAIL() << "accepted " << content;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("runs/a/manifest.json"), std::string::npos);
    }
  }
}

TEST(Checkpoint, OnlyAFolderWithItsManifestUnderItsLastNameIsComplete) {
  tests::TemporaryFolder folder;
  const RunPaths paths{folder.path()};
  EXPECT_TRUE(complete_checkpoints(paths).empty());
  const auto make = [](const std::filesystem::path& place, bool with_manifest) {
    base::make_folder(place);
    if (with_manifest) base::write_file(manifest_path(place), checkpoint_manifest_json(kManifest));
  };
  make(checkpoint_folder(paths, 1'000'012), true);
  make(checkpoint_folder(paths, 4), true);
  make(checkpoint_folder(paths, 8), false);
  make(unfinished_checkpoint_folder(paths, 12), true);
  make(paths.checkpoints() / "step_4x", true);
  make(paths.checkpoints() / "step_5", true);
  make(paths.checkpoints() / "step_000004.kept.part", true);
  EXPECT_EQ(complete_checkpoints(paths), (std::vector<std::int64_t>{4, 1'000'012}));
  EXPECT_EQ(unfinished_checkpoints(paths).size(), 2u) << "names that Muster does not give are left alone";
}

}  // namespace
}  // namespace muster::spec

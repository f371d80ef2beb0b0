#include "runtime/spec/memory.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace muster::spec {
namespace {

const std::filesystem::path kTemplates = std::filesystem::path(MUSTER_SOURCE_DIR) / "templates";

TEST(Memory, FollowsTheLayout) {
  Job job;
  job.model.dtype = DataType::bf16;
  job.train.tp = 2;
  job.train.dp = 2;
  job.gen.tp = 1;
  job.gen.dp = 4;
  const ModelFacts facts = named_model_facts("smollm2-135m", kTemplates);
  // tp = 2 does not divide 9 heads; the figures of a legal layout:
  job.train.tp = 3;
  const MemoryFigures train = predicted_memory(facts, job, true, false);
  const std::int64_t local = local_elements(facts, {.tp = 3}, {}).total();
  EXPECT_EQ(train.of(MemoryOwner::weights), local * 2);
  EXPECT_EQ(train.of(MemoryOwner::main_weights), local / 2 * 4);
  EXPECT_EQ(train.of(MemoryOwner::moments), local / 2 * 8);
  EXPECT_EQ(train.of(MemoryOwner::gradients), local * 4 + local / 2 * 4);
  EXPECT_EQ(train.of(MemoryOwner::gen_weights), 0);
  const MemoryFigures gen = predicted_memory(facts, job, false, true);
  EXPECT_EQ(gen.of(MemoryOwner::gen_weights), 134515008 * 2);
  EXPECT_EQ(kv_page_bytes(facts, job), 2 * 16 * 3 * 64 * 30 * 2);
  EXPECT_EQ(planned_kv_pages(facts, job), 128 * 256);
  job.gen.kv_gb = 1;
  EXPECT_EQ(planned_kv_pages(facts, job), 1'000'000'000 / kv_page_bytes(facts, job));
}

TEST(Memory, AGeneratorThatReadsTheTrainersBytesHoldsNoneOfItsOwn) {
  const ModelFacts facts = named_model_facts("smollm2-135m", kTemplates);
  Job job;
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::gen_weights), 0);
  job.refit.alias = false;
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::gen_weights), 134515008 * 2);
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::reference_weights), 0);
  job.loss.kl_weight = 0.1;
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::reference_weights), 134515008 * 2);
}

}  // namespace
}  // namespace muster::spec

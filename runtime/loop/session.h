// What a rank holds for the whole run, built once and in this order. The loop hands it down; it decides nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/base/clock.h"
#include "runtime/data/prompts.h"
#include "runtime/data/tokenizer.h"
#include "runtime/log/records.h"
#include "runtime/loop/checkpoints.h"
#include "runtime/loop/context.h"
#include "runtime/loop/generator_side.h"
#include "runtime/loop/grading.h"
#include "runtime/loop/policy.h"
#include "runtime/loop/trainer_side.h"

namespace muster::loop {

struct Session {
  /// Reads tokenizer, data and model, opens the records. collective: world.
  /// throws: Error::user (tokenizer and model that do not belong together, a reward that cannot be graded, ...).
  explicit Session(RankContext& context);

  RankContext& context;
  base::Stopwatch loading;
  data::Tokenizer tokenizer;
  std::vector<std::int32_t> stop_tokens;
  data::PromptSource source;              // of the rows that are trained on; its cursor is a part of the run's state
  std::unique_ptr<log::Records> records;  // null but on the writer rank
  Policy policy;
  Grading grading;
  Checkpoints checkpoints;
  GeneratorSide generator;
  TrainerSide trainer;

  const spec::Job& job() const { return context.job(); }
};

}  // namespace muster::loop

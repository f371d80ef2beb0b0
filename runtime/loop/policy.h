// What one rank holds of the policy: the trainer's weights, the generator's, the frozen reference's; built by the
// plan's roles.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/generate/generator.h"
#include "runtime/loop/context.h"
#include "runtime/loop/offloader.h"
#include "runtime/model/decoder.h"
#include "runtime/refit/refit.h"
#include "runtime/spec/memory.h"
#include "runtime/train/trainer.h"
#include "runtime/weights/shard_store.h"

namespace muster::loop {

class Policy {
 public:
  /// Reads the model folder (each rank its own slices), makes trainer, generator and refit as this rank's roles ask.
  /// collective: world.
  Policy(RankContext& context, std::vector<std::int32_t> stop_tokens);
  ~Policy();

  bool trains() const { return trainer_ != nullptr; }
  bool generates() const { return generator_ != nullptr; }
  train::Trainer& trainer() { return *trainer_; }
  generate::Generator& generator() { return *generator_; }
  /// Enters a phase of the run: the clock shows it from here on, and what the rank computes in it lies on the device.
  /// Refit, checkpoint and what else calls refit, slices, save or freeze_reference enters without moves: those bring
  /// what they need, in whatever phase.
  void enter(spec::Phase phase);
  /// What `phase` uses lies on the device from here on, and what it does not use may not: within a phase whose parts
  /// use different things, such as the supervised start.
  void make_resident(spec::Phase phase);
  /// Bytes that moved for it since the last call, and the time.
  OffloadStats take_offload_stats() { return offloader_.take_offload_stats(); }
  /// Weights to the generator, and the next weight version. collective: world.
  refit::RefitFigures refit();
  std::int64_t weight_version() const { return weight_version_; }
  /// What this rank must remember to go on bit for bit: windows into the trainer's state, and the frozen reference
  /// where it is not the model of the job. Empty on ranks that do not train.
  std::vector<std::pair<std::string, at::Tensor>> slices();
  /// After the slices were written from outside: the trainer follows from them, the generator with the next refit,
  /// which makes `weight_version`. collective: train.dp.
  void resume(std::int64_t num_updates, std::int64_t weight_version);
  /// Keeps the present weights as the reference of the KL term. No effect on ranks that do not train.
  void freeze_reference();
  /// Log-probabilities of the reference, in the phase logprob. collective: train.tp, train.pp.
  train::SequenceLogprobs reference_scores(std::span<const train::Sequence> sequences);
  /// The policy as a Hugging Face folder. collective: train; ranks that only generate do nothing.
  void save(const std::filesystem::path& folder);
  spec::MemoryFigures memory() const;

 private:
  void fill_weights();

  RankContext& context_;
  std::unique_ptr<weights::ShardStore> weights_, gen_weights_, reference_weights_;
  std::unique_ptr<model::Decoder> gen_decoder_, reference_decoder_;
  std::unique_ptr<train::Trainer> trainer_;
  std::unique_ptr<generate::Generator> generator_;
  std::unique_ptr<refit::Refit> refit_;
  bool gen_aliases_ = false;
  Offloader offloader_;
  std::int64_t weight_version_ = -1;
};

/// The ranks of the run that train and generate, by role rank.
refit::RefitLayouts layouts_of(const spec::Plan& plan);

}  // namespace muster::loop

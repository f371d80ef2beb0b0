// Gradients of parameters that several ranks hold and each saw in part: summed before gradients are reduced over dp.
#pragma once

#include <functional>

#include "runtime/parallel/tensor.h"
#include "runtime/spec/model_facts.h"
#include "runtime/weights/shard_store.h"

namespace muster::train {

/// Whether sum_shared_gradients has anything to sum.
bool shares_gradients(const comm::Communicator& tp, parallel::Tokens tokens, const spec::ModelFacts& facts);
/// Before gradients are reduced over dp: sums over tp what several ranks of it hold but each saw in part: the q/k norms
/// (each rank sees its heads), key/value heads that several ranks share, all norms where tokens are cut, and routers
/// (each rank weighs its part of the experts or of the tokens). Other replicated parameters have their whole gradient
/// on every rank already. `of`: the parameters that are looked at, after their last backward of an update; all where it
/// is null. experts_too: whole ones that every rank holds. collective: tp (one call; none when nothing is shared).
void sum_shared_gradients(comm::Communicator& tp, parallel::Tokens tokens, const spec::ModelFacts& facts,
                          const weights::ShardStore& gradients, bool experts_too = false,
                          const std::function<bool(const spec::Parameter&)>& of = nullptr);

/// A tied embedding is the embedding of the first stage and the head of the last, and each saw one use of it: both get
/// the sum of their gradients, the same bits. collective: pp (none when nothing is tied or there is one stage).
void sum_tied_gradients(comm::Communicator& pp, const spec::ModelFacts& facts, const weights::ShardStore& gradients);

}  // namespace muster::train

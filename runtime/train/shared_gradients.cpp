#include "runtime/train/shared_gradients.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/comm/communicator.h"

namespace muster::train {
namespace {

constexpr std::int64_t kPieceElements = 1 << 24;  // of a tied gradient on its way

}  // namespace

bool shares_gradients(const comm::Communicator& tp, parallel::Tokens tokens, const spec::ModelFacts& facts) {
  return tp.size() > 1 &&
         (tokens == parallel::Tokens::cut || facts.qk_norm || facts.num_experts > 0 || tp.size() > facts.num_kv_heads);
}

void sum_shared_gradients(comm::Communicator& tp, parallel::Tokens tokens, const spec::ModelFacts& facts,
                          const weights::ShardStore& gradients, bool experts_too,
                          const std::function<bool(const spec::Parameter&)>& of) {
  const bool shares_heads = tp.size() > facts.num_kv_heads, shares_norms = tokens == parallel::Tokens::cut;
  if (!shares_gradients(tp, tokens, facts)) return;
  // Each shared parameter gets its global shape in the buffer; a rank adds into the rows that it owns.
  struct Piece {
    at::Tensor grad;
    std::int64_t offset;
  };
  std::vector<Piece> pieces;
  std::int64_t length = 0;
  for (const weights::Shard& shard : gradients.shards()) {
    const spec::Parameter& parameter = shard.parameter;
    if (of && !of(parameter)) continue;
    const bool is_head_norm = parameter.name.ends_with("q_norm.weight") || parameter.name.ends_with("k_norm.weight");
    const bool is_expert = experts_too && parameter.expert >= 0;
    if (!is_head_norm && !is_expert && !spec::is_router(parameter) &&
        !(shares_heads && parameter.cut == spec::Cut::kv_heads) &&
        !(shares_norms && parameter.cut == spec::Cut::replicated))
      continue;
    const std::int64_t row = parameter.numel() / parameter.shape[0];
    pieces.push_back({gradients.view(parameter.name).flatten(), length + shard.box.ranges[0].begin * row});
    length += parameter.numel();
  }
  if (length == 0) return;  // the same on every rank
  at::Tensor sums = at::zeros({length}, gradients.flat().options().dtype(at::kFloat));
  for (const Piece& piece : pieces) sums.narrow(0, piece.offset, piece.grad.numel()).copy_(piece.grad);
  tp.all_reduce(sums, comm::Reduce::sum, "train.shared_gradients");
  for (Piece& piece : pieces) piece.grad.copy_(sums.narrow(0, piece.offset, piece.grad.numel()));
}

void sum_tied_gradients(comm::Communicator& pp, const spec::ModelFacts& facts, const weights::ShardStore& gradients) {
  if (pp.size() == 1 || !facts.tied_embeddings) return;
  const std::string name = "model.embed_tokens.weight";
  const bool holds = gradients.has(name);  // the first and the last stage
  const int other = pp.rank() == 0 ? pp.size() - 1 : 0;
  at::Tensor own_N = holds ? gradients.view(name).view(-1) : at::Tensor();
  // As many pieces on the stages between, which have nothing to send.
  const std::int64_t most = facts.vocab_size * facts.hidden_size;
  for (std::int64_t begin = 0; begin < most; begin += kPieceElements) {
    std::vector<comm::P2POp> p2p_ops;
    at::Tensor piece_N, received_N;
    if (holds && begin < own_N.numel()) {
      piece_N = own_N.narrow(0, begin, std::min(kPieceElements, own_N.numel() - begin));
      received_N = at::empty_like(piece_N);
      p2p_ops = {{.peer = other, .is_send = true, .tensor = &piece_N},
                 {.peer = other, .is_send = false, .tensor = &received_N}};
    }
    pp.exchange(p2p_ops, "train.tied_gradient");
    if (!p2p_ops.empty()) piece_N.add_(received_N);
  }
}

}  // namespace muster::train

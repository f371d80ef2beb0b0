// Letters: T tokens of a micro batch, N scored tokens, D model width.
#include "runtime/train/pipeline.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>
#include <tuple>

#include "runtime/base/error.h"
#include "runtime/ops/on_host.h"
#include "runtime/spec/schedule.h"

namespace muster::train {
namespace {

using spec::Pass;
using spec::Work;

/// One run of a schedule.
class Executor {
 public:
  /// `on_logprobs`: what the scores of a micro batch become; in a run with backwards a loss.
  Executor(parallel::Mesh& mesh, const model::Decoder& decoder, std::span<const PackedBatch> batches,
           const LogprobOptions& options, const Loss& on_logprobs, spec::Passes passes)
      : mesh_(mesh),
        decoder_(decoder),
        batches_(batches),
        options_(options),
        on_logprobs_(on_logprobs),
        passes_(passes) {}

  /// Returns the sum of the losses.
  at::Tensor run(const std::function<void()>& on_progress) {
    const spec::PipelineSchedule schedule =
        spec::make_schedule(mesh_.degrees().pp, mesh_.degrees().vpp, std::ssize(batches_), passes_);
    for (std::int64_t slot = 0; slot < schedule.num_slots(); ++slot) {
      const std::span<const Work> works = spec::work_of_slot(schedule, slot);
      at::Tensor output_TD;
      for (const Work& work : works) {
        if (work.stage != mesh_.coordinates().pp) continue;
        output_TD = work.pass == Pass::forward ? forward(work) : backward(work);
        if (on_progress) on_progress();
      }
      exchange(works, output_TD);
    }
    return loss_sum_;
  }

 private:
  using Key = std::tuple<Pass, std::int64_t, std::int64_t>;  // micro batch, chunk of this stage
  /// A forward that waits for its backward.
  struct Open {
    Open(comm::Communicator& cp, const PackedBatch& batch) : attention(cp, batch) {}
    PackedAttention attention;
    at::Tensor input, output;  // tokens or stream; stream or loss
  };

  const PackedBatch& batch_of(const Work& work) const { return batches_[work.micro_batch]; }

  /// The stream for the next chunk; undefined at the end of the model.
  at::Tensor forward(const Work& work) {
    const PackedBatch& batch = batch_of(work);
    const Key key{Pass::forward, work.micro_batch, work.chunk};
    Open& open = open_.try_emplace(key, mesh_.cp(), batch).first->second;
    const bool keeps = passes_ == spec::Passes::forward_and_backward;
    open.input = decoder_.begins_model(work.chunk) ? batch.tokens_T : take_received(key).requires_grad_(keeps);
    open.output = decoder_.run(work.chunk, open.input, batch.positions_T, open.attention, options_.recompute);
    at::Tensor output_TD;
    if (decoder_.ends_model(work.chunk)) {
      const parallel::TokenLogprobs scores = decoder_.logprobs(
          open.output.index_select(0, batch.rows_N), batch.targets_N, options_.temperature, options_.chunk_tokens);
      // Of an idle batch, and of one whose answers other ranks of cp hold, nothing is scored here, and a sum of nothing
      // has its way back through the model all the same.
      open.output = batch.sequence_of_N.empty() ? scores.logprobs_N.sum() : on_logprobs_(scores, batch);
      if (keeps) loss_sum_ += open.output.detach().to(at::kDouble);
    } else {
      output_TD = open.output.detach();
    }
    if (!keeps) open_.erase(key);
    return output_TD;
  }

  /// The gradient of the stream for the chunk before; undefined at the beginning of the model.
  at::Tensor backward(const Work& work) {
    auto open = open_.extract({Pass::forward, work.micro_batch, work.chunk});
    if (decoder_.ends_model(work.chunk))
      open.mapped().output.backward();
    else
      torch::autograd::backward({open.mapped().output},
                                {take_received({Pass::backward, work.micro_batch, work.chunk})});
    return decoder_.begins_model(work.chunk) ? at::Tensor() : open.mapped().input.grad().contiguous();
  }

  /// What the stages made in a slot goes where it is needed. collective: pp.
  void exchange(std::span<const Work> works, const at::Tensor& output_TD) {
    const std::int64_t own = mesh_.coordinates().pp;
    std::vector<comm::P2POp> p2p_ops;
    bool any = false;  // the same on every stage
    for (const Work& work : works) {
      if (work.send_to < 0) continue;
      any = true;
      if (work.stage == own)
        p2p_ops.push_back({.peer = static_cast<int>(work.send_to), .is_send = true, .tensor = &output_TD});
      if (work.send_to != own) continue;
      // From the last stage a forward goes on in the next chunk of the first, and the other way round.
      const std::int64_t chunk =
          work.pass == Pass::forward ? work.chunk + (own == 0 ? 1 : 0) : work.chunk - (work.stage == 0 ? 1 : 0);
      at::Tensor& stream_TD = arrived_[{work.pass, work.micro_batch, chunk}];
      stream_TD = at::empty({decoder_.own_tokens(batch_of(work).num_tokens), decoder_.facts().hidden_size},
                            at::TensorOptions().dtype(decoder_.dtype()).device(decoder_.device()));
      p2p_ops.push_back({.peer = static_cast<int>(work.stage), .is_send = false, .tensor = &stream_TD});
    }
    if (any) mesh_.pp().exchange(p2p_ops, "pipeline");
  }

  at::Tensor take_received(const Key& key) {
    auto arrived = arrived_.extract(key);
    INVARIANT(!arrived.empty(), "the schedule sends an input before it is needed");
    return std::move(arrived.mapped());
  }

  parallel::Mesh& mesh_;
  const model::Decoder& decoder_;
  std::span<const PackedBatch> batches_;
  const LogprobOptions& options_;
  const Loss& on_logprobs_;
  spec::Passes passes_;
  std::map<Key, Open> open_;
  std::map<Key, at::Tensor> arrived_;
  at::Tensor loss_sum_ = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(decoder_.device()));
};

}  // namespace

void add_idle_batches(parallel::Mesh& mesh, std::vector<PackedBatch>& batches, const LogprobOptions& options,
                      at::Device device) {
  if (mesh.degrees().fsdp == 0 && mesh.degrees().ep == 1) return;
  at::Tensor most = at::full({1}, std::ssize(batches), at::TensorOptions().dtype(at::kLong).device(device));
  mesh.dp_cp().all_reduce(most, comm::Reduce::max, "train.micro_batches");
  // In a rehearsal the others have as many as this rank.
  const auto count = static_cast<std::size_t>(ops::on_host(most).item<std::int64_t>());
  while (batches.size() < count) batches.push_back(idle_batch(options.packing, device));
}

void run_forward(parallel::Mesh& mesh, const model::Decoder& decoder, std::vector<PackedBatch> batches,
                 const LogprobOptions& options, const TakeScores& take, const std::function<void()>& on_progress) {
  const Loss on_logprobs = [&](const parallel::TokenLogprobs& scores, const PackedBatch& batch) {
    take(scores, batch);
    return at::Tensor();
  };
  add_idle_batches(mesh, batches, options, decoder.device());
  Executor(mesh, decoder, batches, options, on_logprobs, spec::Passes::forward).run(on_progress);
}

at::Tensor run_forward_backward(parallel::Mesh& mesh, const model::Decoder& decoder, std::vector<PackedBatch> batches,
                                const LogprobOptions& options, const Loss& loss,
                                const std::function<void()>& on_progress) {
  return Executor(mesh, decoder, batches, options, loss, spec::Passes::forward_and_backward).run(on_progress);
}

}  // namespace muster::train

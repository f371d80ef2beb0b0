#include "runtime/verbs/check.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/solo_communicator.h"
#include "runtime/device/cuda_library.h"
#include "runtime/generate/generator.h"
#include "runtime/ops/attention_forms.h"
#include "runtime/ops/grouped_linear.h"
#include "runtime/ops/layer_forms.h"
#include "runtime/ops/router.h"
#include "runtime/parallel/context.h"
#include "runtime/parallel/mesh.h"
#include "runtime/spec/parameters.h"
#include "runtime/train/trainer.h"
#include "runtime/weights/model_folder.h"

namespace muster::verbs {
namespace {

// One line of the table.
struct Finding {
  std::string what;
  double difference = 0, tolerance = 0;
  std::string trouble;  // empty: it ran
  bool good() const { return trouble.empty() && difference <= tolerance; }
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor scale = b.abs().max().clamp_min(1);
  return ((a.to(at::kCPU, at::kDouble) - b.to(at::kDouble)).abs().max() / scale.to(at::kDouble)).item<double>();
}

Finding compared(const std::string& what, double tolerance, const std::function<double()>& body) {
  try {
    return {what, body(), tolerance, ""};
  } catch (const std::exception& error) {
    return {what, 0, tolerance, error.what()};
  }
}

// Where the forms are looked at, in which type, and how far they may lie from the plain form in float32 on the CPU.
struct Machine {
  const char* name;
  at::Device device;
  at::ScalarType dtype;
  double tolerance, gradient_tolerance;
  bool shares_prompts;

  /// Numbers that the type of this machine holds exactly, as float32 on the CPU.
  at::Tensor drawn(at::IntArrayRef shape) const { return at::randn(shape, at::kFloat).to(dtype).to(at::kFloat); }
  at::Tensor here(const at::Tensor& tensor) const { return tensor.to(device, dtype); }
};

// float32 against float32: sums of a few hundred terms. BF16: its eight bits of mantissa.
const Machine kCpu{"cpu", at::kCPU, at::kFloat, 2e-5, 1e-4, true};
const Machine kGpu{"gpu", at::Device(at::kCUDA, 0), at::kBFloat16, 2e-2, 4e-2, false};

void check_layers(const Machine& machine, std::vector<Finding>& findings) {
  findings.push_back(compared("rms norm", machine.tolerance, [&] {
    const at::Tensor x = machine.drawn({37, 128}), residual = machine.drawn({37, 128}), weight = machine.drawn({128});
    const at::Tensor x_here = machine.here(x);
    const auto [sum, normed, rstd] = ops::rms_norm_forward_kernels().for_device_of(x_here)(
        machine.here(residual), x_here, machine.here(weight), 1e-6);
    const auto [plain_sum, plain_normed, plain_rstd] = ops::plain::rms_norm_forward(residual, x, weight, 1e-6);
    return std::max(largest_difference(normed, plain_normed), largest_difference(sum, plain_sum));
  }));
  findings.push_back(compared("swiglu", machine.tolerance, [&] {
    const at::Tensor gate_up = machine.drawn({37, 256}), gate_up_here = machine.here(gate_up);
    return largest_difference(ops::swiglu_forward_kernels().for_device_of(gate_up_here)(gate_up_here),
                              ops::plain::swiglu_forward(gate_up));
  }));
}

// Choice of experts and the product of each with its rows; one has none.
void check_experts(const Machine& machine, std::vector<Finding>& findings) {
  findings.push_back(compared("choice of experts", 0, [&] {
    const at::Tensor scores = at::randn({37, 128}, at::kFloat).mul(4).round();  // with many ties
    return largest_difference(ops::top_columns(scores.to(machine.device), 8).to(at::kFloat),
                              ops::top_columns(scores, 8).to(at::kFloat));
  }));
  const at::Tensor x = machine.drawn({45, 64}), weight = machine.drawn({5, 32, 64}), dy = machine.drawn({45, 32}),
                   ends = at::tensor({9, 9, 30, 31, 45}, at::kInt), ends_here = ends.to(machine.device);
  const at::Tensor x_here = machine.here(x), weight_here = machine.here(weight), dy_here = machine.here(dy);
  findings.push_back(compared("grouped product", machine.tolerance, [&] {
    return largest_difference(
        ops::grouped_product_kernels().for_device_of(x_here)(x_here, weight_here.transpose(1, 2), ends_here),
        ops::plain::grouped_product(x, weight.transpose(1, 2), ends));
  }));
  findings.push_back(compared("grouped product, backward", machine.gradient_tolerance, [&] {
    at::Tensor grad = at::zeros({5, 32, 64}), grad_here = grad.to(machine.device);
    ops::plain::grouped_weight_gradient(dy, x, ends, grad);
    ops::grouped_weight_gradient_kernels().for_device_of(dy_here)(dy_here, x_here, ends, grad_here);
    return std::max(
        largest_difference(grad_here, grad),
        largest_difference(ops::grouped_product_kernels().for_device_of(dy_here)(dy_here, weight_here, ends_here),
                           ops::plain::grouped_product(dy, weight, ends)));
  }));
}

// Attention of spans over `num_keys`, both ways.
void check_spans(const Machine& machine, const std::string& what, std::int64_t num_keys,
                 const std::vector<ops::AttentionSpan>& spans, std::vector<Finding>& findings) {
  const std::int64_t num_queries = spans.back().begin + spans.back().length;
  const at::Tensor q = machine.drawn({num_queries, 6, 64}), k = machine.drawn({num_keys, 2, 64}),
                   v = machine.drawn({num_keys, 2, 64});
  const at::Tensor q_here = machine.here(q), k_here = machine.here(k), v_here = machine.here(v);
  findings.push_back(compared(what, machine.tolerance, [&] {
    return largest_difference(
        ops::packed_attention_forward_kernels().for_device_of(q_here)(q_here, k_here, v_here, spans).first,
        ops::plain::packed_attention_forward(q, k, v, spans).first);
  }));
  findings.push_back(compared(what + ", backward", machine.gradient_tolerance, [&] {
    const at::Tensor d = machine.drawn({num_queries, 6, 64});
    const auto [o_here, lse_here] =
        ops::packed_attention_forward_kernels().for_device_of(q_here)(q_here, k_here, v_here, spans);
    const ops::Heads fast = ops::packed_attention_backward_kernels().for_device_of(q_here)(
        machine.here(d), q_here, k_here, v_here, o_here, lse_here, spans);
    const auto [o, lse] = ops::plain::packed_attention_forward(q, k, v, spans);
    const ops::Heads plain = ops::plain::packed_attention_backward(d, q, k, v, o, lse, spans);
    return std::max({largest_difference(fast.q_THE, plain.q_THE), largest_difference(fast.k_TKE, plain.k_TKE),
                     largest_difference(fast.v_TKE, plain.v_TKE)});
  }));
}

void check_attention(const Machine& machine, std::vector<Finding>& findings) {
  const std::int64_t prefix = machine.shares_prompts ? 0 : -1;
  const std::vector<ops::Segment> segments{{.begin = 0, .length = 21, .prefix = -1},
                                           {.begin = 21, .length = 5, .prefix = prefix},
                                           {.begin = 26, .length = 9, .prefix = prefix},
                                           {.begin = 35, .length = 14, .prefix = -1}};
  check_spans(machine, "packed attention", 49, ops::spans_of(segments), findings);
  // Of two ranks of context parallelism: chunks of sequences of 40 and of 3 tokens, and one token of filling up.
  for (int rank = 0; rank < 2; ++rank) {
    const parallel::ContextShare share =
        parallel::context_share({{.begin = 0, .length = 40}, {.begin = 40, .length = 3}}, 2, rank, 2, at::kCPU);
    check_spans(machine, base::text("cp attention, rank ", rank), share.gathered_of_key_J.numel(), share.spans,
                findings);
  }
  findings.push_back(compared("paged attention", machine.tolerance, [&] {
    const ops::PagedBatch batch{.page_tokens = 16,
                                .query_begin = {0, 3, 4},
                                .lengths = {43, 22},
                                .page_begin = {0, 3, 5},
                                .pages = {4, 1, 2, 0, 3},
                                .slots = {}};
    const at::Tensor queries = machine.drawn({4, 6, 64});
    const at::Tensor keys = machine.drawn({5, 16, 2, 64}), values = machine.drawn({5, 16, 2, 64});
    const at::Tensor queries_here = machine.here(queries);
    return largest_difference(ops::paged_attention_kernels().for_device_of(queries_here)(
                                  queries_here, machine.here(keys), machine.here(values), batch),
                              ops::plain::paged_attention(queries, keys, values, batch));
  }));
}

// A tiny random model: what the generator says of its own samples against the trainer's forward pass, and an update
// that is finite.
void check_step(std::vector<Finding>& findings) {
  findings.push_back(compared("generator against trainer", 1e-4, [] {
    spec::Job job;
    job.model.dtype = spec::DataType::fp32;
    job.grpo.max_sequence_tokens = 32;
    spec::ModelFacts facts{.family = spec::Family::qwen3,
                           .hidden_size = 64,
                           .num_layers = 2,
                           .num_heads = 4,
                           .num_kv_heads = 2,
                           .head_dim = 16,
                           .intermediate_size = 96,
                           .vocab_size = 61,
                           .max_position_embeddings = 64,
                           .tied_embeddings = true,
                           .qk_norm = true};
    parallel::Mesh mesh(comm::make_solo("check"), {}, "check");
    weights::ShardStore store(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU);
    weights::fill_random(store, 1, 0.1);
    train::Trainer trainer(facts, job, mesh, store);
    const model::Decoder decoder(facts, store, nullptr, mesh.tp());
    generate::Generator generator(decoder, mesh.tp(), mesh.pp(),
                                  {.sampling = {},
                                   .seed = 1,
                                   .max_sequence_tokens = 32,
                                   .page_tokens = 4,
                                   .num_pages = 64,
                                   .max_batch_tokens = 64,
                                   .max_running_samples = 16,
                                   .stop_tokens = {0}},
                                  at::kFloat, at::kCPU);
    const std::vector<generate::Request> requests{{.group = 0, .num_samples = 4, .prompt = {3, 1, 4, 1, 5}},
                                                  {.group = 1, .num_samples = 4, .prompt = {9, 2, 6}}};
    const auto samples = generator.generate(
        requests, 1, 0, [](const generate::Sample&) {}, [] {});
    std::vector<train::Sequence> sequences;
    for (const generate::Sample& sample : samples)
      sequences.push_back(
          {.id = 0, .group = sample.group, .prompt = requests[sample.group].prompt, .answer = sample.tokens});
    const train::SequenceLogprobs scores = trainer.logprobs(sequences, [] {});
    double worst = 0;
    for (std::size_t s = 0; s < samples.size(); ++s)
      for (std::size_t t = 0; t < samples[s].tokens.size(); ++t)
        worst = std::max(worst, std::abs(static_cast<double>(samples[s].logprobs[t]) - scores.logprobs[s][t]));
    const auto mean_logprob = [](const parallel::TokenLogprobs& token, const train::PackedBatch&) {
      return -token.logprobs_N.mean();
    };
    const train::UpdateFigures update = trainer.update(sequences, mean_logprob, 1e-3, [] {});
    if (!std::isfinite(update.loss) || !(update.grad_norm > 0))
      throw Error::cluster(
          {.what = base::text("an update gave loss ", update.loss, " and gradient norm ", update.grad_norm)});
    return worst;
  }));
}

}  // namespace

namespace {

// The table of one machine; true when all agree.
bool print_findings(const Machine& machine, const std::vector<Finding>& findings) {
  bool good = true;
  std::printf("%-32s %12s %12s\n", base::text("on the ", machine.name).c_str(), "difference", "tolerance");
  for (const Finding& finding : findings) {
    good = good && finding.good();
    if (finding.trouble.empty())
      std::printf("%-32s %12.2g %12.2g  %s\n", finding.what.c_str(), finding.difference, finding.tolerance,
                  finding.good() ? "agrees" : "DIFFERS");
    else
      std::printf("%-32s %12s %12s  FAILED: %s\n", finding.what.c_str(), "-", "-", finding.trouble.c_str());
  }
  return good;
}

bool check_forms(const Machine& machine, bool with_step) {
  std::vector<Finding> findings;
  {
    const at::NoGradGuard no_grad;
    check_layers(machine, findings);
    check_experts(machine, findings);
    check_attention(machine, findings);
  }
  if (with_step) check_step(findings);
  return print_findings(machine, findings);
}

}  // namespace

int check_machine() {
  // Before anything is computed: LibTorch asks once whether it has CUDA, and keeps the answer.
  std::string no_gpu;
  try {
    device::open_cuda_device(0);
  } catch (const Error& error) {
    no_gpu = error.what();
  }
  at::manual_seed(1);
  bool good = check_forms(kCpu, true);
  if (no_gpu.empty())
    good = check_forms(kGpu, false) && good;
  else
    std::printf("no GPU is looked at: %s\n", no_gpu.c_str());
  std::printf("%s\n", good ? "all agree" : "this machine does not compute what it should");
  return good ? 0 : 3;
}

}  // namespace muster::verbs

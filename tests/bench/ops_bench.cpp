// Times of the operations and of the whole decoder at the shapes of the two shipped jobs, as JSON lines.
//   ops_bench [THREADS [CASE]]      CASE: a prefix of the names, "" for all
// Letters: T tokens, N scored tokens, G groups.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "runtime/comm/solo_communicator.h"
#include "runtime/model/decoder.h"
#include "runtime/ops/attention_forms.h"
#include "runtime/ops/kernels/kernels.h"
#include "runtime/ops/layer_forms.h"
#include "runtime/ops/memory.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/weights/model_folder.h"

namespace muster::bench {
namespace {

std::string wanted;

/// CPU seconds of this process: on a machine that others use too, the wall clock counts their work.
double cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Best of several runs, so that a neighbour's work disturbs least; prints one line. GFLOP/s are of the CPU time on one
/// thread.
void time_of(const std::string& name, double flops, const std::function<void()>& body) {
  if (!name.starts_with(wanted)) return;
  using Clock = std::chrono::steady_clock;
  double best = 1e9, best_cpu = 1e9, spent = 0;
  int runs = 0;
  for (; runs < 3 || (spent < 0.4 && runs < 400); ++runs) {
    const auto begin = Clock::now();
    const double cpu_begin = cpu_s();
    body();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    best_cpu = std::min(best_cpu, cpu_s() - cpu_begin);
    spent += seconds;
    best = std::min(best, seconds);
  }
  std::printf(
      "{\"case\":\"%s\",\"wall_ms\":%.4f,\"cpu_ms\":%.4f,\"gflops_per_s\":%.1f,\"runs\":%d,\"threads\":%d,\"level\":\"%"
      "s\"}\n",
      name.c_str(), best * 1e3, best_cpu * 1e3, flops / (at::get_num_threads() == 1 ? best_cpu : best) / 1e9, runs,
      at::get_num_threads(), ops::kernels().level);
  std::fflush(stdout);
}

class Packed : public model::Context {
 public:
  explicit Packed(const std::vector<ops::Segment>& segments) : segments_(segments) {}
  at::Tensor attend(std::int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) override {
    return ops::packed_attention(q, k, v, segments_);
  }

 private:
  const std::vector<ops::Segment>& segments_;
};

struct Shape {
  std::string name;
  spec::ModelFacts facts;
  std::int64_t groups, samples, prompt, answer;  // answer: tokens that are computed
};

struct Batch {
  at::Tensor tokens_T, positions_T, rows_N, targets_N;
  std::vector<ops::Segment> segments;
  double attention_flops = 0;  // forward, of one layer
};

Batch batch_of(const Shape& shape) {
  Batch batch;
  std::vector<std::int64_t> positions, rows;
  const auto add = [&](std::int64_t length, std::int64_t first, std::int64_t prefix) {
    batch.segments.push_back({std::ssize(positions), length, prefix});
    for (std::int64_t t = 0; t < length; ++t) {
      if (prefix >= 0) rows.push_back(std::ssize(positions));
      positions.push_back(first + t);
    }
    batch.attention_flops += 4.0 * static_cast<double>(shape.facts.num_heads * shape.facts.head_dim * length) *
                             (static_cast<double>(first) + 0.5 * static_cast<double>(length));
  };
  for (std::int64_t g = 0; g < shape.groups; ++g) {
    const auto prompt = std::ssize(batch.segments);
    add(shape.prompt, 0, -1);
    for (std::int64_t s = 0; s < shape.samples; ++s) {
      rows.push_back(static_cast<std::int64_t>(batch.segments[prompt].begin + shape.prompt - 1));
      add(shape.answer, shape.prompt, prompt);
    }
  }
  batch.positions_T = at::tensor(positions, at::kLong);
  batch.tokens_T = (batch.positions_T * 7).remainder(shape.facts.vocab_size);
  batch.rows_N = at::tensor(rows, at::kLong);
  batch.targets_N = (batch.rows_N * 5).remainder(shape.facts.vocab_size);
  return batch;
}

void run_ops(const Shape& shape, const Batch& batch) {
  const spec::ModelFacts& facts = shape.facts;
  const std::int64_t T = batch.tokens_T.size(0), D = facts.hidden_size, H = facts.num_heads, K = facts.num_kv_heads,
                     E = facts.head_dim, F = facts.intermediate_size;
  const auto random = [](at::IntArrayRef sizes) { return at::randn(sizes, at::kFloat); };
  const std::string at = shape.name + ".";
  const at::NoGradGuard none;
  const at::Tensor x = random({T, D}), residual = random({T, D}), norm = at::ones({D}),
                   norm_E = facts.qk_norm ? at::ones({E}) : at::Tensor();
  at::Tensor grad_D = at::zeros({D}), grad_E = facts.qk_norm ? at::zeros({E}) : at::Tensor(),
             grad_E2 = facts.qk_norm ? at::zeros({E}) : at::Tensor();
  const auto [sum, normed, rstd] = ops::cpu::rms_norm_forward(residual, x, norm, 1e-6);
  time_of(at + "add_rms_norm", 0, [&] { ops::cpu::rms_norm_forward(residual, x, norm, 1e-6); });
  time_of(at + "add_rms_norm_backward", 0,
          [&, &sum = sum, &rstd = rstd] { ops::cpu::rms_norm_backward(x, residual, sum, norm, rstd, grad_D); });
  const at::Tensor gate_up = random({T, 2 * F}), dy = random({T, F});
  time_of(at + "swiglu", 0, [&] { ops::cpu::swiglu_forward(gate_up); });
  time_of(at + "swiglu_backward", 0, [&] { ops::cpu::swiglu_backward(dy, gate_up); });
  const at::Tensor qkv = random({T, (H + 2 * K) * E}), angles = random({facts.max_position_embeddings, E / 2});
  const ops::RopeTable rope{angles.cos(), angles.sin()};
  const ops::HeadShape heads{H, K, E, 1e-6};
  time_of(at + "split_heads", 0,
          [&] { ops::cpu::split_heads_forward(qkv, heads, norm_E, norm_E, rope, batch.positions_T); });
  const ops::Heads split = ops::cpu::split_heads_forward(qkv, heads, norm_E, norm_E, rope, batch.positions_T);
  time_of(at + "split_heads_backward", 0, [&] {
    ops::cpu::split_heads_backward(split, facts.qk_norm ? qkv : at::Tensor(), heads, norm_E, norm_E, rope,
                                   batch.positions_T, grad_E, grad_E2);
  });
  const std::vector<ops::AttentionSpan> spans = ops::spans_of(batch.segments);
  const auto [o, lse] = ops::cpu::packed_attention_forward(split.q_THE, split.k_TKE, split.v_TKE, spans);
  time_of(at + "attention", batch.attention_flops,
          [&] { ops::cpu::packed_attention_forward(split.q_THE, split.k_TKE, split.v_TKE, spans); });
  time_of(at + "attention_backward", 2.5 * batch.attention_flops, [&, &o = o, &lse = lse] {
    ops::cpu::packed_attention_backward(split.q_THE, split.q_THE, split.k_TKE, split.v_TKE, o, lse, spans);
  });
  for (const auto& [name, rows, columns] :
       {std::tuple{"qkv", (H + 2 * K) * E, D}, {"o", D, H * E}, {"gate_up", 2 * F, D}, {"down", D, F}}) {
    const at::Tensor weight = random({rows, columns}), input = random({T, columns}), upstream = random({T, rows});
    at::Tensor grad = at::zeros({rows, columns});
    const double flops = 2.0 * static_cast<double>(T * rows * columns);
    time_of(at + "gemm_" + name, flops, [&] { at::mm(input, weight.t()); });
    time_of(at + "gemm_" + name + "_backward", 2 * flops, [&] {
      at::mm(upstream, weight);
      grad.addmm_(upstream.t(), input);
    });
  }
}

void run_decode(const Shape& shape) {
  const spec::ModelFacts& facts = shape.facts;
  const std::int64_t S = shape.groups * shape.samples, pages = (shape.prompt + shape.answer + 15) / 16;
  ops::PagedBatch batch;
  batch.query_begin = {0};
  batch.page_begin = {0};
  for (std::int64_t s = 0; s < S; ++s) {
    batch.query_begin.push_back(static_cast<std::int32_t>(s + 1));
    batch.lengths.push_back(static_cast<std::int32_t>(shape.prompt + shape.answer));
    for (std::int64_t p = 0; p < pages; ++p) batch.pages.push_back(static_cast<std::int32_t>(s * pages + p));
    batch.page_begin.push_back(static_cast<std::int32_t>(batch.pages.size()));
    batch.slots.push_back(s * pages * 16 + shape.prompt);
  }
  at::Tensor keys = at::randn({S * pages, 16, facts.num_kv_heads, facts.head_dim}, at::kFloat),
             values = at::randn_like(keys);
  const at::Tensor q = at::randn({S, facts.num_heads, facts.head_dim}, at::kFloat),
                   k = at::randn({S, facts.num_kv_heads, facts.head_dim}, at::kFloat);
  time_of(shape.name + ".decode.append", 0, [&] { ops::append_pages(keys, values, k, k, batch); });
  time_of(shape.name + ".decode.attention",
          4.0 * static_cast<double>(S * facts.num_heads * facts.head_dim * (shape.prompt + shape.answer)),
          [&] { ops::paged_attention(q, keys, values, batch); });
}

void run_decoder(const Shape& shape, const Batch& batch) {
  if (!(shape.name + ".decoder").starts_with(wanted) && !wanted.starts_with(shape.name + ".decoder")) return;
  const spec::ModelFacts& facts = shape.facts;
  const auto tp = comm::make_solo("tp");
  weights::ShardStore store(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU),
      gradients(store.shards(), at::kFloat, at::kCPU);
  store.flat().normal_(0, 0.05);
  const model::Decoder decoder(facts, store, &gradients, *tp);
  Packed attention(batch.segments);
  const auto T = static_cast<double>(batch.tokens_T.size(0)), N = static_cast<double>(batch.rows_N.size(0));
  const double head = static_cast<double>(facts.vocab_size * facts.hidden_size),
               body = static_cast<double>(spec::parameter_count(facts)) - head * (facts.tied_embeddings ? 1 : 2);
  const double forward_flops =
      2 * (T * body + N * head) + batch.attention_flops * static_cast<double>(facts.num_layers);
  const auto forward = [&] {
    const at::Tensor hidden = decoder.hidden(batch.tokens_T, batch.positions_T, attention);
    return parallel::token_logprobs(*tp, hidden.index_select(0, batch.rows_N), decoder.head(), decoder.vocabulary(),
                                    batch.targets_N, 1.0, 1024)
        .logprobs_N;
  };
  time_of(shape.name + ".decoder.forward", forward_flops, [&] {
    const at::NoGradGuard none;
    forward();
  });
  time_of(shape.name + ".decoder.forward_backward", 3 * forward_flops, [&] { forward().sum().backward(); });
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster;
  ops::keep_freed_memory();
  at::set_num_threads(argc > 1 ? std::atoi(argv[1]) : 1);
  if (argc > 2) bench::wanted = argv[2];
  const spec::ModelFacts tiny{.family = spec::Family::qwen3,
                              .hidden_size = 64,
                              .num_layers = 2,
                              .num_heads = 4,
                              .num_kv_heads = 4,
                              .head_dim = 16,
                              .intermediate_size = 192,
                              .vocab_size = 14,
                              .max_position_embeddings = 32,
                              .tied_embeddings = true,
                              .qk_norm = true};
  const spec::ModelFacts smollm2{.family = spec::Family::llama,
                                 .hidden_size = 576,
                                 .num_layers = 30,
                                 .num_heads = 9,
                                 .num_kv_heads = 3,
                                 .head_dim = 64,
                                 .intermediate_size = 1536,
                                 .vocab_size = 49152,
                                 .max_position_embeddings = 8192,
                                 .tied_embeddings = true};
  const bench::Shape shapes[] = {{"tiny", tiny, 32, 16, 6, 4},
                                 {"smollm2_small", smollm2, 1, 4, 24, 10},
                                 {"smollm2", smollm2, 4, 8, 24, 14},
                                 {"smollm2_long", smollm2, 1, 1, 24, 1000}};
  for (const bench::Shape& shape : shapes) {
    const bench::Batch batch = bench::batch_of(shape);
    bench::run_ops(shape, batch);
    bench::run_decode(shape);
    bench::run_decoder(shape, batch);
  }
}

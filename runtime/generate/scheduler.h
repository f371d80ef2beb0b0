// Continuous batching: which tokens the next forward pass computes, in which pages their keys go, and which rows are
// sampled. Pure logic: the same requests and drawn tokens lead to the same decisions, on every rank.
//
// The prompt of a group is prefilled once, in chunks; its samples then share its pages, and copy its partly filled last
// page when they write to it. Samples that run come first in every pass (one token each), then samples that catch up,
// then prompts. Nothing is reserved for the worst case: when the pages run out, the youngest sample gives its pages
// back, keeps its tokens, and later catches up from its prompt (of a sibling that runs, or prefilled anew).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/generate/pages.h"
#include "runtime/generate/sample.h"
#include "runtime/ops/paged_attention.h"

namespace muster::generate {

struct SchedulerOptions {
  std::int64_t page_tokens = 16;
  std::int64_t num_pages = 0;
  std::int64_t max_batch_tokens = 8192;
  std::int64_t max_running_samples = 256;
  std::int64_t max_sequence_tokens = 0;  // prompt and answer
  std::int64_t max_new_tokens = 0;       // 0: what max_sequence_tokens leaves
  std::vector<std::int32_t> stop_tokens;
  std::int64_t weight_version = 0;  // stamped into the tokens
  std::int64_t step = 0;            // of the requests given at the start
};

/// The first `tokens` keys of page `from` are copied to page `to`, before the pass and in order.
struct PageCopy {
  std::int32_t from = 0, to = 0;
  std::int64_t tokens = 0;
};

/// One token to be sampled.
struct SampleSlot {
  std::int64_t row = 0;       // index into ScheduledBatch::rows
  std::int64_t group = 0;     // of its request
  std::int64_t sample = 0;    // within its group
  std::int64_t position = 0;  // index of the token in the answer
  std::int64_t sequence = 0;  // the scheduler's own number of the sample
  std::int64_t step = 0;      // of its request: keys the draw
};

/// The token of one SampleSlot.
struct SampledToken {
  std::int32_t token = 0;
  float logprob = 0, raw_logprob = 0;
};

/// The tokens of one forward pass. T: how many.
struct ScheduledBatch {
  ops::PagedBatch batch;
  std::vector<std::int64_t> tokens, positions;  // [T]
  std::vector<std::int64_t> rows;               // rows of T whose logits are needed, ascending
  std::vector<SampleSlot> slots;
  std::vector<PageCopy> copies;
};

struct SchedulerFigures {
  std::int64_t passes = 0;
  std::int64_t prompt_tokens = 0;    // computed for prompts, repetitions included
  std::int64_t answer_tokens = 0;    // computed for answers, repetitions included
  std::int64_t repeated_tokens = 0;  // of these, computed again after a preemption, and
  std::int64_t repeated_pairs = 0;   // pairs of a query and a key for it
  std::int64_t preemptions = 0;
  std::int64_t copied_pages = 0;
  std::int64_t most_pages = 0;  // in use at once
};

class Scheduler {
 public:
  /// Borrows the requests and the pool (all of whose pages are free). throws: Error::user when a prompt is empty,
  /// leaves no room for an answer, or cannot fit the pages with its longest answer.
  Scheduler(const SchedulerOptions& options, std::span<const Request> requests, PagePool& pool);

  /// More requests, younger than all before them; borrowed until their samples were taken. throws: as the constructor.
  void add(std::span<const Request> requests, std::int64_t step);

  bool done() const { return num_unfinished_ == 0; }
  /// Whether every sample of `step` has ended.
  bool done(std::int64_t step) const;
  /// Decides the next pass; valid until the next call.
  const ScheduledBatch& next();
  /// The pass that next() decided last.
  const ScheduledBatch& pass() const { return pass_; }
  /// Takes the drawn tokens of the pass, in the order of its slots. `finished` is called for each sample that ends.
  void accept(std::span<const SampledToken> drawn, const std::function<void(const Sample&)>& finished);
  /// From the next pass on, tokens are sampled by weights of this version.
  void set_weight_version(std::int64_t version) { options_.weight_version = version; }
  /// Gives all pages back: what runs keeps its tokens, and its keys are computed again before it goes on. Between two
  /// passes.
  void drop_pages();
  /// The samples of the oldest step, whose number it was given, as take_samples; it is forgotten. Once done(step) is
  /// true, between two passes.
  std::vector<Sample> take_oldest(std::int64_t step);
  /// The samples, ordered as the requests and by index. Once done() is true.
  std::vector<Sample> take_samples() { return std::move(samples_); }
  const SchedulerFigures& figures() const { return figures_; }

 private:
  struct PromptGroup {
    const Request* request = nullptr;
    std::int64_t step = 0;
    std::int64_t first_sequence = 0;
    std::int64_t max_new_tokens = 0;
    std::vector<std::int32_t> pages;  // held while it prefills, and while samples wait and none runs
    std::int64_t computed = 0;        // tokens whose keys are in `pages`
    std::int64_t most_computed = 0;   // at any time
    std::int64_t num_running = 0, num_preempted = 0;
    bool is_drawn = false;  // the first token of every sample is there
    std::int64_t length() const { return std::ssize(request->prompt); }
  };
  struct Sequence {  // one sample; it is younger than all sequences of lower number
    std::int64_t prompt = 0;
    bool has_ended = false;
    std::vector<std::int32_t> pages;
    std::int64_t computed = 0;       // tokens of prompt and answer whose keys are in `pages`
    std::int64_t most_computed = 0;  // at any time
    std::int64_t num_scheduled = 0;  // tokens that it computes in this pass
  };

  std::int64_t length(std::int64_t sequence) const;
  std::int64_t headroom() const;
  void resume_preempted();
  bool refill(std::int64_t prompt);
  void plan_running();
  bool take_pages(std::int64_t sequence);
  bool reclaim(std::int64_t keep_prompt, std::int64_t older_than);
  void admit_prompts();
  void build_running();
  void build_prompts();
  void add_sequence(std::span<const std::int32_t> pages, std::int64_t first, std::int64_t count);
  void start(std::int64_t sequence, std::span<const std::int32_t> prompt_pages);
  void preempt(std::int64_t sequence);
  void release(std::vector<std::int32_t>& pages);
  void count_repeated(std::int64_t first, std::int64_t count, std::int64_t& most_computed);
  bool store(std::int64_t sequence, const SampledToken& drawn);
  void after_prompt(PromptGroup& prompt, std::span<const SampledToken> drawn,
                    const std::function<void(const Sample&)>& finished);

  SchedulerOptions options_;
  PagePool& pool_;
  std::vector<PromptGroup> prompts_;
  std::vector<Sequence> sequences_;
  std::vector<Sample> samples_;           // one a sequence
  std::vector<std::int64_t> running_;     // runs, oldest first
  std::vector<std::int64_t> preempted_;   // sequences with tokens and without pages, oldest first
  std::vector<std::int64_t> prefilling_;  // prompts, oldest first
  std::int64_t next_prompt_ = 0;          // the first that was never admitted
  std::int64_t num_unfinished_ = 0;
  std::int64_t budget_ = 0;     // tokens that this pass may still take
  bool has_preempted_ = false;  // in this pass
  ScheduledBatch pass_;
  std::vector<std::int64_t> prompts_of_pass_;  // prompts with a chunk in this pass, and
  std::vector<std::int64_t> chunks_of_pass_;   // its tokens
  SchedulerFigures figures_;
};

}  // namespace muster::generate

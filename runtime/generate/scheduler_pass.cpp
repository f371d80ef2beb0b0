// One pass as arrays: tokens, positions, slots and pages of each sequence, and the rows that are sampled.
#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/generate/scheduler.h"

namespace muster::generate {

const ScheduledBatch& Scheduler::next() {
  ops::PagedBatch& batch = pass_.batch;
  batch.query_begin.assign(1, 0);
  batch.page_begin.assign(1, 0);
  batch.lengths.clear();
  batch.pages.clear();
  batch.slots.clear();
  pass_.tokens.clear();
  pass_.positions.clear();
  pass_.rows.clear();
  pass_.slots.clear();
  pass_.copies.clear();
  budget_ = options_.max_batch_tokens;
  has_preempted_ = false;

  resume_preempted();
  plan_running();
  admit_prompts();
  build_running();
  build_prompts();

  INVARIANT(!pass_.tokens.empty(), "a pass moves at least one sequence while samples are unfinished");
  ++figures_.passes;
  figures_.copied_pages += std::ssize(pass_.copies);
  figures_.most_pages = std::max(figures_.most_pages, pool_.num_pages() - pool_.num_free());
  return pass_;
}

/// Of tokens first .. first + count those that were computed before.
void Scheduler::count_repeated(std::int64_t first, std::int64_t count, std::int64_t& most_computed) {
  const std::int64_t again = std::clamp<std::int64_t>(most_computed - first, 0, count);
  figures_.repeated_tokens += again;
  figures_.repeated_pairs += again * first + again * (again + 1) / 2;
  most_computed = std::max(most_computed, first + count);
}

/// Tokens first .. first + count of one sequence, whose keys go into `pages`.
void Scheduler::add_sequence(std::span<const std::int32_t> pages, std::int64_t first, std::int64_t count) {
  ops::PagedBatch& batch = pass_.batch;
  const std::int64_t tokens = options_.page_tokens;
  for (std::int64_t position = first; position < first + count; ++position) {
    pass_.positions.push_back(position);
    batch.slots.push_back(pages[position / tokens] * tokens + position % tokens);
  }
  const auto held = pages.first(static_cast<std::size_t>(pages_of(first + count, tokens)));
  batch.pages.insert(batch.pages.end(), held.begin(), held.end());
  batch.page_begin.push_back(static_cast<std::int32_t>(batch.pages.size()));
  batch.query_begin.push_back(static_cast<std::int32_t>(pass_.positions.size()));
  batch.lengths.push_back(static_cast<std::int32_t>(first + count));
}

void Scheduler::build_running() {
  for (const std::int64_t index : running_) {
    Sequence& sequence = sequences_[index];
    if (sequence.num_scheduled == 0) continue;
    const Sample& sample = samples_[index];
    const std::int64_t begin = sequence.computed - prompts_[sequence.prompt].length();  // in the answer
    add_sequence(sequence.pages, sequence.computed, sequence.num_scheduled);
    pass_.tokens.insert(pass_.tokens.end(), sample.tokens.begin() + begin,
                        sample.tokens.begin() + begin + sequence.num_scheduled);
    figures_.answer_tokens += sequence.num_scheduled;
    count_repeated(sequence.computed, sequence.num_scheduled, sequence.most_computed);
    if (sequence.computed + sequence.num_scheduled < length(index)) continue;
    pass_.slots.push_back(
        {std::ssize(pass_.rows), sample.group, sample.index, std::ssize(sample.tokens), index, sample.step});
    pass_.rows.push_back(std::ssize(pass_.tokens) - 1);
  }
}

/// The logits of a prompt's last token serve the first token of every sample of its group.
void Scheduler::build_prompts() {
  prompts_of_pass_.clear();
  chunks_of_pass_.clear();
  for (const std::int64_t index : prefilling_) {
    PromptGroup& prompt = prompts_[index];
    const std::int64_t count = std::min(prompt.length() - prompt.computed, budget_);
    if (count == 0) break;
    budget_ -= count;
    add_sequence(prompt.pages, prompt.computed, count);
    const auto begin = prompt.request->prompt.begin() + prompt.computed;
    pass_.tokens.insert(pass_.tokens.end(), begin, begin + count);
    figures_.prompt_tokens += count;
    count_repeated(prompt.computed, count, prompt.most_computed);
    prompts_of_pass_.push_back(index);
    chunks_of_pass_.push_back(count);
    if (prompt.computed + count < prompt.length() || prompt.is_drawn) continue;
    for (std::int64_t sample = 0; sample < prompt.request->num_samples; ++sample) {
      pass_.slots.push_back(
          {std::ssize(pass_.rows), prompt.request->group, sample, 0, prompt.first_sequence + sample, prompt.step});
    }
    pass_.rows.push_back(std::ssize(pass_.tokens) - 1);
  }
}

}  // namespace muster::generate

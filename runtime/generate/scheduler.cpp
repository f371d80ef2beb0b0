// Who runs, who waits, and who gives up pages.
#include "runtime/generate/scheduler.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::generate {
namespace {

constexpr std::int64_t kNobody = std::numeric_limits<std::int64_t>::max();

void insert_sorted(std::vector<std::int64_t>& list, std::int64_t value) {
  list.insert(std::lower_bound(list.begin(), list.end(), value), value);
}

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options, std::span<const Request> requests, PagePool& pool)
    : options_(options), pool_(pool) {
  pass_.batch.page_tokens = options.page_tokens;
  INVARIANT(options.page_tokens > 0 && options.max_batch_tokens > 0 && options.max_running_samples > 0,
            "check_job refuses other values");
  INVARIANT(pool.num_free() == pool.num_pages(), "all pages come back at the end of a step");
  add(requests, options.step);
}

void Scheduler::add(std::span<const Request> requests, std::int64_t step) {
  base::Faults faults;
  for (const Request& request : requests) {
    const auto length = std::ssize(request.prompt);
    INVARIANT(request.lengths.empty() || std::ssize(request.lengths) == request.num_samples,
              "lengths are forced on all samples of a prompt or on none");
    PromptGroup prompt{.request = &request, .step = step, .first_sequence = std::ssize(sequences_)};
    prompt.max_new_tokens = options_.max_sequence_tokens - length;
    if (options_.max_new_tokens > 0) prompt.max_new_tokens = std::min(prompt.max_new_tokens, options_.max_new_tokens);
    const std::int64_t longest = length + prompt.max_new_tokens - 1;  // the last token's key is never needed
    const std::int64_t longest_pages = pages_of(longest, options_.page_tokens);
    const std::string where = base::text("prompt of group ", request.group);
    if (length == 0) {
      faults.add({"the prompt has no tokens", where, "fix the row or data.prompt"});
    } else if (prompt.max_new_tokens < 1) {
      faults.add({base::text("the prompt has ", length,
                             " tokens and leaves no room for an answer in grpo.max_sequence_tokens = ",
                             options_.max_sequence_tokens),
                  where, "raise grpo.max_sequence_tokens or lower data.max_prompt_tokens"});
    } else if (longest_pages > pool_.num_pages()) {
      faults.add({base::text("the prompt of ", length, " tokens with an answer of ", prompt.max_new_tokens, " needs ",
                             longest_pages, " pages of ", options_.page_tokens, " tokens, but the cache has ",
                             pool_.num_pages()),
                  where, "raise gen.kv_gb, or lower grpo.max_sequence_tokens or sampling.max_new_tokens"});
    }
    for (std::int64_t index = 0; index < request.num_samples; ++index) {
      sequences_.push_back({.prompt = std::ssize(prompts_)});
      samples_.push_back(
          {.group = request.group, .index = index, .weight_version = options_.weight_version, .step = step});
    }
    prompts_.push_back(std::move(prompt));
  }
  faults.throw_if_any();
  for (const Request& request : requests) num_unfinished_ += request.num_samples;
}

bool Scheduler::done(std::int64_t step) const {
  for (const Sequence& sequence : sequences_)
    if (!sequence.has_ended && prompts_[sequence.prompt].step == step) return false;
  return true;
}

std::int64_t Scheduler::length(std::int64_t sequence) const {
  const auto at = static_cast<std::size_t>(sequence);
  return prompts_[sequences_[at].prompt].length() + std::ssize(samples_[at].tokens);
}

/// Pages that the samples on their way will soon ask for, which stay free when something new is admitted: a running
/// sample asks for one every page_tokens passes, a prompt that prefills for one a sample, when its samples part. Less
/// and what was admitted is preempted at once; more and pages stand idle.
std::int64_t Scheduler::headroom() const {
  std::int64_t pages = std::ssize(running_) / options_.page_tokens + (running_.empty() ? 0 : 1);
  for (const std::int64_t prompt : prefilling_) pages += prompts_[prompt].request->num_samples;
  return pages;
}

/// The oldest first, as far as slots and pages go: from a sibling that runs, from the pages that its prompt holds, or
/// by filling the prompt again.
void Scheduler::resume_preempted() {
  while (!preempted_.empty() && std::ssize(running_) < options_.max_running_samples) {
    const std::int64_t sequence = preempted_.front();
    const std::int64_t prompt_index = sequences_[sequence].prompt;
    PromptGroup& prompt = prompts_[prompt_index];
    if (prompt.num_running == 0 && prompt.computed < prompt.length()) {
      if (prompt.pages.empty()) refill(prompt_index);
      return;  // the others wait for the oldest
    }
    const std::int64_t needed =
        pages_of(length(sequence), options_.page_tokens) - prompt.length() / options_.page_tokens;
    if (!running_.empty() && pool_.num_free() < needed + headroom()) return;
    preempted_.erase(preempted_.begin());
    --prompt.num_preempted;
    if (prompt.num_running > 0) {
      const std::int64_t sibling = *std::lower_bound(running_.begin(), running_.end(), prompt.first_sequence);
      start(sequence, sequences_[sibling].pages);
    } else {
      start(sequence, prompt.pages);
      release(prompt.pages);
      prompt.computed = 0;
    }
  }
}

/// Takes the pages of a prompt that was computed before. False when they are not to be had yet.
bool Scheduler::refill(std::int64_t prompt_index) {
  PromptGroup& prompt = prompts_[prompt_index];
  const std::int64_t needed = pages_of(prompt.length(), options_.page_tokens);
  if (running_.empty() && prefilling_.empty()) {
    while (pool_.num_free() < needed)
      INVARIANT(reclaim(prompt_index, kNobody), "one prompt fits the pages when nothing else holds any");
  }
  if (pool_.num_free() < needed + headroom()) return false;
  for (std::int64_t page = 0; page < needed; ++page) prompt.pages.push_back(pool_.allocate());
  insert_sorted(prefilling_, prompt_index);
  return true;
}

/// Shares the budget among the samples that run, then takes their pages, the oldest first.
void Scheduler::plan_running() {
  for (const std::int64_t index : running_) {
    Sequence& sequence = sequences_[index];
    sequence.num_scheduled = length(index) - sequence.computed == 1 && budget_ > 0 ? 1 : 0;
    budget_ -= sequence.num_scheduled;
  }
  for (const std::int64_t index : running_) {
    Sequence& sequence = sequences_[index];
    if (sequence.num_scheduled > 0) continue;
    sequence.num_scheduled = std::min(length(index) - sequence.computed, budget_);
    budget_ -= sequence.num_scheduled;
  }
  for (std::size_t i = 0; i < running_.size(); ++i) {
    const std::int64_t sequence = running_[i];
    if (sequences_[sequence].num_scheduled == 0 || take_pages(sequence)) continue;
    INVARIANT(i > 0, "the oldest sample alone fits the pages");
    preempt(sequence);
  }
}

/// Pages for the tokens that `sequence` computes now; a shared page that it would write to is copied. False when even
/// preemption of all younger samples frees none.
bool Scheduler::take_pages(std::int64_t index) {
  Sequence& sequence = sequences_[index];
  const std::int64_t filled = sequence.computed % options_.page_tokens;
  if (filled != 0) {
    std::int32_t& last = sequence.pages.back();
    while (pool_.references(last) > 1 && pool_.num_free() == 0) {
      if (!reclaim(-1, index)) return false;
    }
    if (pool_.references(last) > 1) {
      const std::int32_t own = pool_.allocate();
      pass_.copies.push_back({last, own, filled});
      pool_.release(last);
      last = own;
    }
  }
  const auto needed =
      static_cast<std::size_t>(pages_of(sequence.computed + sequence.num_scheduled, options_.page_tokens));
  while (sequence.pages.size() < needed) {
    while (pool_.num_free() == 0) {
      if (!reclaim(-1, index)) return false;
    }
    sequence.pages.push_back(pool_.allocate());
  }
  return true;
}

/// Gives up one thing that holds pages: a prompt that prefills, a prompt held for preempted samples, or the youngest
/// sample that is younger than `older_than`. False when there is none. (Shared pages may stay with their other
/// holders.)
bool Scheduler::reclaim(std::int64_t keep_prompt, std::int64_t older_than) {
  if (!prefilling_.empty() && prefilling_.back() != keep_prompt) {
    PromptGroup& prompt = prompts_[prefilling_.back()];
    if (!prompt.is_drawn) next_prompt_ = prefilling_.back();
    release(prompt.pages);
    prompt.computed = 0;
    prefilling_.pop_back();
    has_preempted_ = true;
    return true;
  }
  for (std::int64_t i = next_prompt_; i-- > 0;) {
    PromptGroup& prompt = prompts_[i];
    if (i == keep_prompt || prompt.pages.empty() || prompt.computed < prompt.length()) continue;
    release(prompt.pages);
    prompt.computed = 0;
    return true;
  }
  if (running_.empty() || older_than == kNobody || running_.back() <= older_than) return false;
  preempt(running_.back());
  return true;
}

/// New prompts, in order, while slots, budget and pages last; none while a sample waits to go on.
void Scheduler::admit_prompts() {
  if (has_preempted_ || !preempted_.empty()) return;
  std::int64_t slots = options_.max_running_samples - std::ssize(running_);
  std::int64_t budget = budget_;
  for (const std::int64_t index : prefilling_) {
    const PromptGroup& prompt = prompts_[index];
    slots -= prompt.request->num_samples;
    budget -= prompt.length() - prompt.computed;
  }
  while (next_prompt_ < std::ssize(prompts_) && slots > 0 && budget > 0) {
    PromptGroup& prompt = prompts_[next_prompt_];
    if (prompt.request->num_samples == 0) {
      prompt.is_drawn = true;
      ++next_prompt_;
      continue;
    }
    const std::int64_t needed = pages_of(prompt.length(), options_.page_tokens);
    const bool is_alone = running_.empty() && prefilling_.empty();
    if (!is_alone && pool_.num_free() < needed + prompt.request->num_samples + headroom()) return;
    for (std::int64_t page = 0; page < needed; ++page) prompt.pages.push_back(pool_.allocate());
    prefilling_.push_back(next_prompt_++);
    slots -= prompt.request->num_samples;
    budget -= prompt.length();
  }
}

/// Lets a sample run: its prompt's keys are in the first of `prompt_pages`.
void Scheduler::start(std::int64_t index, std::span<const std::int32_t> prompt_pages) {
  Sequence& sequence = sequences_[index];
  PromptGroup& prompt = prompts_[sequence.prompt];
  const auto shared = prompt_pages.first(static_cast<std::size_t>(pages_of(prompt.length(), options_.page_tokens)));
  for (const std::int32_t page : shared) pool_.share(page);
  sequence.pages.assign(shared.begin(), shared.end());
  sequence.computed = prompt.length();
  sequence.num_scheduled = 0;
  ++prompt.num_running;
  insert_sorted(running_, index);
}

/// Preempts a sample: its tokens stay, its keys are computed again.
void Scheduler::preempt(std::int64_t index) {
  Sequence& sequence = sequences_[index];
  PromptGroup& prompt = prompts_[sequence.prompt];
  ++figures_.preemptions;
  has_preempted_ = true;
  budget_ += sequence.num_scheduled;
  sequence.num_scheduled = 0;
  sequence.computed = 0;
  release(sequence.pages);
  --prompt.num_running;
  ++prompt.num_preempted;
  std::erase(running_, index);
  insert_sorted(preempted_, index);
}

void Scheduler::drop_pages() {
  const std::int64_t preemptions = figures_.preemptions;
  while (!running_.empty()) preempt(running_.back());
  figures_.preemptions = preemptions;
  for (std::int64_t i = std::ssize(prompts_); i-- > 0;) {
    PromptGroup& prompt = prompts_[i];
    if (prompt.pages.empty()) continue;
    if (!prompt.is_drawn) next_prompt_ = i;
    release(prompt.pages);
    prompt.computed = 0;
  }
  prefilling_.clear();
  INVARIANT(pool_.num_free() == pool_.num_pages(), "nobody else holds pages");
}

std::vector<Sample> Scheduler::take_oldest(std::int64_t step) {
  INVARIANT(done(step), "the samples of the step have ended");
  std::int64_t num_prompts = 0, num_samples = 0;
  while (num_prompts < std::ssize(prompts_) && prompts_[num_prompts].step == step)
    num_samples += prompts_[num_prompts++].request->num_samples;
  std::vector<Sample> taken(std::make_move_iterator(samples_.begin()),
                            std::make_move_iterator(samples_.begin() + num_samples));
  samples_.erase(samples_.begin(), samples_.begin() + num_samples);
  sequences_.erase(sequences_.begin(), sequences_.begin() + num_samples);
  prompts_.erase(prompts_.begin(), prompts_.begin() + num_prompts);
  // Everything else is numbered from the oldest on.
  for (Sequence& sequence : sequences_) sequence.prompt -= num_prompts;
  for (PromptGroup& prompt : prompts_) prompt.first_sequence -= num_samples;
  for (std::vector<std::int64_t>* const sequences : {&running_, &preempted_})
    for (std::int64_t& sequence : *sequences) sequence -= num_samples;
  for (std::int64_t& prompt : prefilling_) prompt -= num_prompts;
  next_prompt_ = std::max<std::int64_t>(0, next_prompt_ - num_prompts);
  return taken;
}

void Scheduler::release(std::vector<std::int32_t>& pages) {
  for (const std::int32_t page : pages) pool_.release(page);
  pages.clear();
}

/// Adds a token to its sample. True when the sample ends with it.
bool Scheduler::store(std::int64_t sequence, const SampledToken& drawn) {
  Sample& sample = samples_[sequence];
  const std::int64_t version = options_.weight_version;
  if (sample.tokens.empty()) sample.weight_version = version;
  if (version != (sample.changes.empty() ? sample.weight_version : sample.changes.back().version))
    sample.changes.push_back({.position = std::ssize(sample.tokens), .version = version});
  sample.tokens.push_back(drawn.token);
  sample.logprobs.push_back(drawn.logprob);
  sample.raw_logprobs.push_back(drawn.raw_logprob);
  const PromptGroup& prompt = prompts_[sequences_[sequence].prompt];
  const auto length = std::ssize(sample.tokens);
  const std::vector<std::int64_t>& forced = prompt.request->lengths;
  const bool is_stop = forced.empty() ? std::find(options_.stop_tokens.begin(), options_.stop_tokens.end(),
                                                  drawn.token) != options_.stop_tokens.end()
                                      : length >= forced[sample.index];
  sample.finish = is_stop ? Finish::stop : Finish::length;
  sequences_[sequence].has_ended = is_stop || length == prompt.max_new_tokens;
  return sequences_[sequence].has_ended;
}

void Scheduler::accept(std::span<const SampledToken> drawn, const std::function<void(const Sample&)>& finished) {
  INVARIANT(drawn.size() == pass_.slots.size(), "one token for each slot of the pass");
  std::size_t next_draw = 0;
  std::size_t kept = 0;
  for (const std::int64_t index : running_) {
    Sequence& sequence = sequences_[index];
    sequence.computed += sequence.num_scheduled;
    const bool is_drawn = sequence.num_scheduled > 0 && sequence.computed == length(index);
    sequence.num_scheduled = 0;
    if (!is_drawn || !store(index, drawn[next_draw++])) {
      running_[kept++] = index;
      continue;
    }
    PromptGroup& prompt = prompts_[sequence.prompt];
    --prompt.num_running;
    --num_unfinished_;
    if (prompt.num_running == 0 && prompt.num_preempted > 0) {  // its preempted siblings resume from the prompt's pages
      prompt.computed = prompt.length();
      for (std::int64_t i = 0; i < pages_of(prompt.length(), options_.page_tokens); ++i) {
        prompt.pages.push_back(sequence.pages[i]);
        pool_.share(prompt.pages.back());
      }
    }
    release(sequence.pages);
    finished(samples_[index]);
  }
  running_.resize(kept);

  for (std::size_t i = 0; i < prompts_of_pass_.size(); ++i) {
    PromptGroup& prompt = prompts_[prompts_of_pass_[i]];
    prompt.computed += chunks_of_pass_[i];
    if (prompt.computed < prompt.length()) continue;
    std::erase(prefilling_, prompts_of_pass_[i]);
    if (prompt.is_drawn) continue;  // filled again: held until a sample takes over
    const auto samples = static_cast<std::size_t>(prompt.request->num_samples);
    after_prompt(prompt, drawn.subspan(next_draw, samples), finished);
    next_draw += samples;
  }
}

/// The first tokens of a group: its samples run as far as there are slots; the others wait, and then hold the prompt's
/// pages.
void Scheduler::after_prompt(PromptGroup& prompt, std::span<const SampledToken> drawn,
                             const std::function<void(const Sample&)>& finished) {
  prompt.is_drawn = true;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const std::int64_t sequence = prompt.first_sequence + static_cast<std::int64_t>(i);
    if (store(sequence, drawn[i])) {
      --num_unfinished_;
      finished(samples_[sequence]);
    } else if (std::ssize(running_) < options_.max_running_samples) {
      start(sequence, prompt.pages);
    } else {
      ++prompt.num_preempted;
      insert_sorted(preempted_, sequence);
    }
  }
  if (prompt.num_running > 0 || prompt.num_preempted == 0) {
    release(prompt.pages);
    prompt.computed = 0;
  }
}

}  // namespace muster::generate

// Deals requests, pages and running samples out over slots, and moves their passes through the stages.
#include "runtime/generate/rotation.h"

#include <algorithm>
#include <iterator>

#include "runtime/base/error.h"

namespace muster::generate {
namespace {

/// Pages of the longest request with its longest answer, as Scheduler counts them.
std::int64_t longest_pages(const SchedulerOptions& options, std::span<const Request> requests) {
  std::int64_t longest = 1;
  for (const Request& request : requests) {
    const auto prompt = std::ssize(request.prompt);
    std::int64_t tokens = options.max_sequence_tokens;
    if (options.max_new_tokens > 0) tokens = std::min(tokens, prompt + options.max_new_tokens);
    longest = std::max(longest, pages_of(tokens - 1, options.page_tokens));
  }
  return longest;
}

/// The samples of all parts, ordered by (group, index).
std::vector<Sample> in_order(std::vector<std::vector<Sample>> parts) {
  std::vector<Sample> all;
  for (std::vector<Sample>& part : parts) std::move(part.begin(), part.end(), std::back_inserter(all));
  std::sort(all.begin(), all.end(), [](const Sample& a, const Sample& b) {
    return a.group != b.group ? a.group < b.group : a.index < b.index;
  });
  return all;
}

std::int64_t slots_of(const SchedulerOptions& options, std::span<const Request> requests, std::int64_t num_stages) {
  const std::int64_t most = std::min({num_stages, std::ssize(requests), options.max_running_samples,
                                      options.num_pages / longest_pages(options, requests)});
  return std::max<std::int64_t>(1, most);
}

}  // namespace

struct Rotation::Slot {
  spec::Range pages;  // of the cache
  PagePool pool;
  Scheduler scheduler;

  Slot(const SchedulerOptions& options, std::span<const Request> requests, const spec::Range& part)
      : pages(part), pool(part.size()), scheduler(options, requests, pool) {}
};

Rotation::Rotation(const SchedulerOptions& options, std::span<const Request> requests, std::int64_t num_stages)
    : slot_at_(static_cast<std::size_t>(num_stages), -1) {
  make_slots(options, requests, slots_of(options, requests, num_stages));
}

Rotation::Rotation(const SchedulerOptions& options, std::int64_t num_stages)
    : slot_at_(static_cast<std::size_t>(num_stages), -1) {
  const std::int64_t longest = pages_of(options.max_sequence_tokens - 1, options.page_tokens);
  const std::int64_t most =
      std::min({num_stages, options.max_running_samples, options.num_pages / std::max<std::int64_t>(1, longest)});
  make_slots(options, {}, std::max<std::int64_t>(1, most));
}

void Rotation::make_slots(const SchedulerOptions& options, std::span<const Request> requests, std::int64_t count) {
  for (std::int64_t slot = 0; slot < count; ++slot) {
    const spec::Range mine = spec::part_of(std::ssize(requests), count, slot);
    const spec::Range pages = spec::part_of(options.num_pages, count, slot);
    SchedulerOptions own = options;
    own.num_pages = pages.size();
    own.max_running_samples = spec::part_of(options.max_running_samples, count, slot).size();
    slots_.push_back(std::make_unique<Slot>(
        own, requests.subspan(static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size())), pages));
  }
}

Rotation::~Rotation() = default;

std::int64_t Rotation::num_slots() const { return std::ssize(slots_); }

bool Rotation::done() const {
  return std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->scheduler.done(); });
}

void Rotation::add(std::span<const Request> requests, std::int64_t step) {
  for (std::int64_t slot = 0; slot < num_slots(); ++slot) {
    const spec::Range mine = spec::part_of(std::ssize(requests), num_slots(), slot);
    slots_[slot]->scheduler.add(
        requests.subspan(static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size())), step);
  }
}

bool Rotation::done(std::int64_t step) const {
  return std::all_of(slots_.begin(), slots_.end(), [&](const auto& slot) { return slot->scheduler.done(step); });
}

void Rotation::set_weight_version(std::int64_t version) {
  for (const auto& slot : slots_) slot->scheduler.set_weight_version(version);
}

void Rotation::drop_pages() {
  for (const auto& slot : slots_) slot->scheduler.drop_pages();
}

bool Rotation::is_under_way() const {
  return std::any_of(slot_at_.begin(), slot_at_.end() - 1, [](std::int64_t slot) { return slot >= 0; });
}

void Rotation::begin_tick(bool may_enter) {
  const auto num_stages = std::ssize(slot_at_);
  std::rotate(slot_at_.begin(), slot_at_.end() - 1, slot_at_.end());
  const std::int64_t turn = num_ticks_++ % num_stages;
  const bool enters = may_enter && turn < num_slots() && !slots_[turn]->scheduler.done();
  slot_at_.front() = enters ? turn : -1;
  if (enters) slots_[turn]->scheduler.next();
}

const ScheduledBatch* Rotation::pass_at(std::int64_t stage) const {
  const std::int64_t slot = slot_at_[stage];
  return slot < 0 ? nullptr : &slots_[slot]->scheduler.pass();
}

const spec::Range& Rotation::pages_at(std::int64_t stage) const {
  INVARIANT(slot_at_[stage] >= 0, "a stage with a pass is asked");
  return slots_[slot_at_[stage]]->pages;
}

void Rotation::end_tick(std::span<const SampledToken> drawn, const std::function<void(const Sample&)>& finished) {
  if (slot_at_.back() >= 0) slots_[slot_at_.back()]->scheduler.accept(drawn, finished);
}

std::vector<Sample> Rotation::take_samples() {
  std::vector<std::vector<Sample>> parts;
  for (const auto& slot : slots_) parts.push_back(slot->scheduler.take_samples());
  return in_order(std::move(parts));
}

std::vector<Sample> Rotation::take_oldest(std::int64_t step) {
  INVARIANT(!is_under_way(), "no pass has numbers of samples that change");
  std::vector<std::vector<Sample>> parts;
  for (const auto& slot : slots_) parts.push_back(slot->scheduler.take_oldest(step));
  return in_order(std::move(parts));
}

SchedulerFigures Rotation::figures() const {
  SchedulerFigures sum;
  for (const auto& slot : slots_) {
    const SchedulerFigures& one = slot->scheduler.figures();
    sum.passes += one.passes;
    sum.prompt_tokens += one.prompt_tokens;
    sum.answer_tokens += one.answer_tokens;
    sum.repeated_tokens += one.repeated_tokens;
    sum.repeated_pairs += one.repeated_pairs;
    sum.preemptions += one.preemptions;
    sum.copied_pages += one.copied_pages;
    sum.most_pages += one.most_pages;
  }
  return sum;
}

}  // namespace muster::generate

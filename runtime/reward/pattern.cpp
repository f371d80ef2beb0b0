#include "runtime/reward/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::reward {
namespace {

// Generous for what people write: a match that needs more steps is running away.
constexpr std::uint32_t kMatchLimit = 2'000'000;
constexpr std::size_t kJitStackBytes = 1 << 20;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

constexpr std::uint32_t kMostGroups = 255;

/// What a match needs beside the pattern, one for each thread and all its patterns.
struct MatchRoom {
  Owned<pcre2_match_data, pcre2_match_data_free> data{pcre2_match_data_create(kMostGroups + 1, nullptr)};
  Owned<pcre2_jit_stack, pcre2_jit_stack_free> stack{pcre2_jit_stack_create(32 << 10, kJitStackBytes, nullptr)};
};
MatchRoom& match_room() {
  static thread_local MatchRoom room;
  return room;
}
pcre2_jit_stack* stack_of_thread(void*) { return match_room().stack.get(); }

}  // namespace

struct Pattern::State {
  Owned<pcre2_code, pcre2_code_free> code;
  Owned<pcre2_match_context, pcre2_match_context_free> context;
  std::size_t num_groups = 0;
};

Pattern::Pattern(const std::string& expression, Options options) : state_(std::make_unique<State>()) {
  int code = 0;
  std::size_t at = 0;
  const std::uint32_t flags =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | (options.dot_matches_newline ? PCRE2_DOTALL : 0);
  state_->code.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), flags, &code, &at, nullptr));
  if (!state_->code) {
    PCRE2_UCHAR message[256] = {};
    pcre2_get_error_message(code, message, sizeof(message));
    throw Error::user({.what = base::text("the regular expression '", expression,
                                          "' does not compile: ", reinterpret_cast<const char*>(message)),
                       .where = base::text("character ", at + 1)});
  }
  state_->context.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(state_->context.get(), kMatchLimit);
  if (pcre2_jit_compile(state_->code.get(), PCRE2_JIT_COMPLETE) == 0)
    pcre2_jit_stack_assign(state_->context.get(), stack_of_thread, nullptr);
  std::uint32_t count = 0;
  pcre2_pattern_info(state_->code.get(), PCRE2_INFO_CAPTURECOUNT, &count);
  state_->num_groups = count;
  if (count > kMostGroups)
    throw Error::user({.what = base::text("the regular expression has ", count, " groups, and may have ", kMostGroups),
                       .where = expression.substr(0, 60)});
}

Pattern::~Pattern() = default;

std::size_t Pattern::num_groups() const { return state_->num_groups; }

std::optional<PatternMatch> Pattern::find(std::string_view text, std::size_t from, bool* ran_away) const {
  const int count = pcre2_match(state_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, 0,
                                match_room().data.get(), state_->context.get());
  if (ran_away != nullptr) *ran_away = count < 0 && count != PCRE2_ERROR_NOMATCH;
  if (count <= 0) return std::nullopt;
  const std::size_t* ends = pcre2_get_ovector_pointer(match_room().data.get());
  PatternMatch match;
  match.groups.resize(state_->num_groups + 1);
  for (std::size_t g = 0; g < static_cast<std::size_t>(count); ++g)
    if (ends[2 * g] != PCRE2_UNSET) match.groups[g] = {ends[2 * g], ends[2 * g + 1], true};
  return match;
}

std::vector<PatternMatch> Pattern::find_all(std::string_view text) const {
  std::vector<PatternMatch> matches;
  for (std::size_t at = 0; at <= text.size();) {
    auto match = find(text, at);
    if (!match) break;
    at = match->end() > match->begin() ? match->end() : match->end() + 1;
    matches.push_back(std::move(*match));
  }
  return matches;
}

std::string Pattern::replaced(std::string_view text, const Replace& replacement) const {
  const std::vector<PatternMatch> matches = find_all(text);
  if (matches.empty()) return std::string(text);
  std::string out;
  std::size_t at = 0;
  for (const PatternMatch& match : matches) {
    out.append(text, at, match.begin() - at);
    out += replacement(match);
    at = match.end();
  }
  return out.append(text, at);
}

std::string Pattern::replaced(std::string_view text, const std::string& replacement) const {
  return replaced(text, [&](const PatternMatch&) { return replacement; });
}

}  // namespace muster::reward

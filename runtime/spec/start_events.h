// What the writer rank says in its log on the way to the first step, and the launcher's live view looks for there: one
// wording for both sides and for the tests.
#pragma once

namespace muster::spec {

inline constexpr const char* kRanksMet = "all ranks have met";       // room "rank"
inline constexpr const char* kReady = "ready";                       // room "loop", with kLoadSeconds
inline constexpr const char* kLoadSeconds = "load_s";                // a field: seconds of start and loading
inline constexpr const char* kResumesAfter = "resumes after step ";  // room "loop", the step follows
inline constexpr const char* kWarmStartDone = "warm start done";     // room "loop"

}  // namespace muster::spec

// What a rank's calls cost: counts, bytes and seconds by communicator, kind and label. For the record of a step and for
// people.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/comm/communicator.h"

namespace muster::comm {

/// Sums over the calls of one (communicator, kind, label). `seconds` is the issuing thread's: the whole call on CPU,
/// the issue alone on a GPU.
struct CallCount {
  std::string communicator;
  CallKind kind = CallKind::barrier;
  std::string label;
  std::int64_t count = 0;
  std::int64_t bytes = 0;
  double seconds = 0;
};

/// An observer; used by one thread.
class CallLog final : public CallObserver {
 public:
  void before(const Call& call) override;
  void after(const Call& call) override;
  /// In the order of their names; starts again from nothing.
  std::vector<CallCount> take();
  std::vector<CallCount> list() const;

 private:
  using Key = std::tuple<std::string, CallKind, std::string>;
  using View = std::tuple<std::string_view, CallKind, std::string_view>;
  struct Less {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const { return View(a) < View(b); }
  };
  std::map<Key, CallCount, Less> counts_;
  double begun_s_ = 0;  // of the call under way
};

}  // namespace muster::comm

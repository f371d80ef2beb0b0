#include "runtime/comm/call_log.h"

#include "runtime/base/clock.h"

namespace muster::comm {

void CallLog::before(const Call&) { begun_s_ = base::steady_s(); }

void CallLog::after(const Call& call) {
  const double seconds = base::steady_s() - begun_s_;
  auto found = counts_.find(View(call.communicator, call.kind, call.label));
  if (found == counts_.end()) {
    Key key(call.communicator, call.kind, call.label);
    CallCount count{.communicator = std::get<0>(key), .kind = call.kind, .label = std::get<2>(key)};
    found = counts_.emplace(std::move(key), std::move(count)).first;
  }
  found->second.count += 1;
  found->second.bytes += call.bytes;
  found->second.seconds += seconds;
}

std::vector<CallCount> CallLog::list() const {
  std::vector<CallCount> list;
  for (const auto& entry : counts_) list.push_back(entry.second);
  return list;
}

std::vector<CallCount> CallLog::take() {
  std::vector<CallCount> list = this->list();
  counts_.clear();
  return list;
}

}  // namespace muster::comm

// The client's side of the rendezvous. Internal to comm/.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/comm/store.h"
#include "runtime/comm/store_protocol.h"

namespace muster::comm {

/// Asks over one connection a thread, so that a get that waits holds up nobody else.
class StoreClient final : public Store {
 public:
  /// Connects once, trying again until the limit. throws: Error::cluster.
  StoreClient(std::string address, int port, std::string key, double limit_s);
  void set(const std::string& key, const std::string& value) override;
  std::string get(const std::string& key, double limit_s) override;
  std::optional<std::string> wait_for(const std::string& key, double limit_s) override;
  std::optional<std::string> find(const std::string& key) override;
  std::int64_t add(const std::string& key, std::int64_t delta) override;
  void append(const std::string& key, const std::string& value) override;
  std::string compare_set(const std::string& key, const std::string& expected, const std::string& desired) override;
  bool remove(const std::string& key) override;

 private:
  struct Reply {
    bool found = false;
    std::string value;
  };
  base::Descriptor connect(double limit_s) const;
  /// `limit_s` below 0: the store's own. None when the limit passed.
  std::optional<Reply> ask(StoreOp op, std::string_view key, std::string_view value, double limit_s = -1);
  Error lost(std::string_view why) const;

  std::string address_, key_;
  int port_;
  double limit_s_;
  std::mutex mutex_;
  std::vector<base::Descriptor> idle_;  // guarded by mutex_
};

}  // namespace muster::comm

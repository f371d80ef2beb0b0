#include "runtime/comm/store.h"

namespace muster::comm {
namespace {

class PrefixedStore final : public Store {
 public:
  PrefixedStore(std::string prefix, std::shared_ptr<Store> store)
      : prefix_(std::move(prefix) + "/"), store_(std::move(store)) {}
  void set(const std::string& key, const std::string& value) override { store_->set(prefix_ + key, value); }
  std::string get(const std::string& key, double limit_s) override { return store_->get(prefix_ + key, limit_s); }
  std::optional<std::string> wait_for(const std::string& key, double limit_s) override {
    return store_->wait_for(prefix_ + key, limit_s);
  }
  std::optional<std::string> find(const std::string& key) override { return store_->find(prefix_ + key); }
  std::int64_t add(const std::string& key, std::int64_t delta) override { return store_->add(prefix_ + key, delta); }
  void append(const std::string& key, const std::string& value) override { store_->append(prefix_ + key, value); }
  std::string compare_set(const std::string& key, const std::string& expected, const std::string& desired) override {
    return store_->compare_set(prefix_ + key, expected, desired);
  }
  bool remove(const std::string& key) override { return store_->remove(prefix_ + key); }

 private:
  std::string prefix_;
  std::shared_ptr<Store> store_;  // shared: every communicator of a rank holds the one connection
};

}  // namespace

std::shared_ptr<Store> prefixed(std::string prefix, std::shared_ptr<Store> store) {
  return std::make_shared<PrefixedStore>(std::move(prefix), std::move(store));
}

}  // namespace muster::comm

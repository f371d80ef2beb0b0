// Store: the small table of keys and values through which the ranks of an attempt find each other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace muster::comm {

/// May be used by several threads at once. throws: Error::cluster when the store is gone.
class Store {
 public:
  virtual ~Store() = default;
  virtual void set(const std::string& key, const std::string& value) = 0;
  /// Waits until the key is there. throws: Error::cluster naming the key when the limit passes.
  virtual std::string get(const std::string& key, double limit_s) = 0;
  /// The same; none when the limit passes.
  virtual std::optional<std::string> wait_for(const std::string& key, double limit_s) = 0;
  /// None when the key is not there now.
  virtual std::optional<std::string> find(const std::string& key) = 0;
  /// The value is a decimal number, 0 where there is none. Returns the sum.
  virtual std::int64_t add(const std::string& key, std::int64_t delta) = 0;
  virtual void append(const std::string& key, const std::string& value) = 0;
  /// Sets `desired` if the value is `expected` (or if there is none and `expected` is empty). Returns what stands there
  /// now.
  virtual std::string compare_set(const std::string& key, const std::string& expected, const std::string& desired) = 0;
  /// Whether it was there.
  virtual bool remove(const std::string& key) = 0;
};

/// The same store with `prefix` + "/" before every key.
std::shared_ptr<Store> prefixed(std::string prefix, std::shared_ptr<Store> store);

}  // namespace muster::comm

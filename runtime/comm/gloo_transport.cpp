// c10d's gloo group needs gloo's headers, which the wheel does not bring (Debian's do; nothing of that package is
// linked). Never construct c10d's GlooStore here: its virtual table differs between those headers and the library.
#define USE_C10D_GLOO
#include "runtime/comm/gloo_transport.h"

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <algorithm>
#include <mutex>

#include "runtime/base/clock.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"

namespace muster::comm {
namespace {

using Milliseconds = std::chrono::milliseconds;

/// Our store in c10d's clothes.
class C10dStore final : public c10d::Store {
 public:
  C10dStore(std::shared_ptr<comm::Store> store, double limit_s)
      : c10d::Store(Milliseconds(static_cast<std::int64_t>(limit_s * 1000))), store_(std::move(store)) {}
  c10::intrusive_ptr<c10d::Store> clone() override { return c10::make_intrusive<C10dStore>(store_, limit_s()); }
  using c10d::Store::set;
  void set(const std::string& key, const std::vector<std::uint8_t>& value) override {
    store_->set(key, text_of(value));
  }
  using c10d::Store::compareSet;
  std::vector<std::uint8_t> compareSet(const std::string& key, const std::vector<std::uint8_t>& expected,
                                       const std::vector<std::uint8_t>& desired) override {
    return bytes_of(store_->compare_set(key, text_of(expected), text_of(desired)));
  }
  std::vector<std::uint8_t> get(const std::string& key) override { return bytes_of(store_->get(key, limit_s())); }
  std::int64_t add(const std::string& key, std::int64_t value) override { return store_->add(key, value); }
  bool deleteKey(const std::string& key) override { return store_->remove(key); }
  bool check(const std::vector<std::string>& keys) override {
    return std::ranges::all_of(keys, [&](const std::string& key) { return store_->find(key).has_value(); });
  }
  std::int64_t getNumKeys() override { C10_THROW_ERROR(NotImplementedError, "this store does not count its keys"); }
  void wait(const std::vector<std::string>& keys) override { wait(keys, timeout_); }
  void wait(const std::vector<std::string>& keys, const Milliseconds& timeout) override {
    const double deadline_s = base::steady_s() + static_cast<double>(timeout.count()) * 1e-3;
    for (const std::string& key : keys) store_->get(key, deadline_s - base::steady_s());
  }
  void append(const std::string& key, const std::vector<std::uint8_t>& value) override {
    store_->append(key, text_of(value));
  }
  std::vector<std::vector<std::uint8_t>> multiGet(const std::vector<std::string>& keys) override {
    std::vector<std::vector<std::uint8_t>> values;
    for (const std::string& key : keys) values.push_back(get(key));
    return values;
  }
  void multiSet(const std::vector<std::string>& keys, const std::vector<std::vector<std::uint8_t>>& values) override {
    for (std::size_t i = 0; i < keys.size(); ++i) set(keys[i], values[i]);
  }
  bool hasExtendedApi() const override { return true; }

 private:
  double limit_s() const { return static_cast<double>(timeout_.count()) * 1e-3; }
  static std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }
  static std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
  std::shared_ptr<comm::Store> store_;  // shared: with the groups that were made from it
};

/// Opens the door to the connections, which the library keeps to itself.
class Group final : public c10d::ProcessGroupGloo {
 public:
  using c10d::ProcessGroupGloo::ProcessGroupGloo;
  void close_connections() {
    for (const auto& context : contexts_) context->closeConnections();
  }
};

at::Tensor view_of(const Message& message) {
  return at::from_blob(message.bytes, {static_cast<std::int64_t>(message.size)}, at::TensorOptions(at::kByte));
}

std::string first_line(const char* text) {
  const std::string_view line(text);
  return std::string(line.substr(0, line.find('\n')));
}

}  // namespace

struct GlooTransport::Device {
  std::shared_ptr<::gloo::transport::Device> device;
};

std::shared_ptr<GlooTransport::Device> GlooTransport::open_device(const std::string& address) {
  return std::make_shared<Device>(Device{c10d::ProcessGroupGloo::createDeviceForHostname(address)});
}

struct GlooTransport::Impl {
  std::shared_ptr<Device> device;
  c10::intrusive_ptr<Group> group;
  std::mutex mutex;
  bool aborted = false;                                // guarded by mutex
  std::vector<c10::intrusive_ptr<c10d::Work>> waited;  // guarded by mutex; what abort() has to wake
};

GlooTransport::GlooTransport(std::shared_ptr<Device> device, std::shared_ptr<Store> store, int rank, int size,
                             double timeout_s)
    : impl_(std::make_unique<Impl>()) {
  const auto limit = Milliseconds(static_cast<std::int64_t>(timeout_s * 1000));
  auto options = c10d::ProcessGroupGloo::Options::create(limit);
  options->devices.push_back(device->device);
  options->threads = 1;
  impl_->device = std::move(device);
  impl_->group =
      c10::make_intrusive<Group>(c10::make_intrusive<C10dStore>(std::move(store), timeout_s), rank, size, options);
}

GlooTransport::~GlooTransport() = default;

void GlooTransport::move(std::span<const Message> messages, int tag, double timeout_s) {
  const double deadline_s = base::steady_s() + timeout_s;
  struct Posted {
    c10::intrusive_ptr<c10d::Work> work;
    int peer;
  };
  std::vector<Posted> posted;
  int peer = -1;
  try {
    {
      const std::lock_guard lock(impl_->mutex);
      if (impl_->aborted) throw PeerFailure{-1, "the communicator was aborted"};
      impl_->waited.clear();
      for (const bool sends : {false, true})
        for (const Message& message : messages) {
          if (message.to_peer != sends || message.size == 0) continue;
          peer = message.peer;
          std::vector<at::Tensor> view{view_of(message)};
          posted.push_back({sends ? impl_->group->send(view, peer, tag) : impl_->group->recv(view, peer, tag), peer});
          impl_->waited.push_back(posted.back().work);
        }
    }
    for (const Posted& one : posted) {
      peer = one.peer;
      const auto left_ms = static_cast<std::int64_t>((deadline_s - base::steady_s()) * 1000);
      if (!one.work->wait(Milliseconds(std::max<std::int64_t>(left_ms, 1))))
        throw PeerFailure{-1, "the communicator was aborted"};
    }
    const std::lock_guard lock(impl_->mutex);
    impl_->waited.clear();
  } catch (const PeerFailure&) {
    throw;
  } catch (const std::exception& failure) {
    const bool late = base::steady_s() >= deadline_s;
    throw PeerFailure{peer, late ? base::text("did not answer within ", base::seconds_text(timeout_s))
                                 : base::text("is gone (", first_line(failure.what()), ")")};
  }
}

void GlooTransport::abort() {
  const std::lock_guard lock(impl_->mutex);
  if (std::exchange(impl_->aborted, true)) return;
  for (const auto& work : impl_->waited) work->abort();
  impl_->waited.clear();
  impl_->group->close_connections();
}

}  // namespace muster::comm

#include "runtime/comm/nccl_communicator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/call_watch.h"
#include "runtime/comm/nccl_handle.h"
#include "runtime/comm/solo_communicator.h"
#include "runtime/device/forms.h"

namespace muster::comm {
namespace {

using ApiForm = const NcclApi&();

/// FP8 and booleans travel as bytes; NCCL reduces neither.
int nccl_type(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return kNcclFloat32;
    case at::kBFloat16:
      return kNcclBfloat16;
    case at::kHalf:
      return kNcclFloat16;
    case at::kDouble:
      return kNcclFloat64;
    case at::kLong:
      return kNcclInt64;
    case at::kInt:
      return kNcclInt32;
    case at::kChar:
      return kNcclInt8;
    default:
      break;
  }
  INVARIANT(tensor.element_size() == 1, base::text("NCCL has no type for ", c10::toString(tensor.scalar_type())));
  return kNcclUint8;
}

int nccl_op(Reduce op) { return op == Reduce::sum ? kNcclSum : (op == Reduce::max ? kNcclMax : kNcclMin); }

std::size_t count_of(const at::Tensor& tensor) { return static_cast<std::size_t>(tensor.numel()); }

/// Memory of the device for the few numbers that the communicator itself sends.
class DeviceNumbers {
 public:
  DeviceNumbers(device::Device device, int count)
      : device_(device), bytes_(static_cast<std::size_t>(count) * sizeof(std::int64_t)) {
    CUDA_CHECK(*device_.cuda, memory_take(&pointer_, bytes_));
  }
  ~DeviceNumbers() { device_.cuda->memory_give(pointer_); }
  DeviceNumbers(const DeviceNumbers&) = delete;
  DeviceNumbers& operator=(const DeviceNumbers&) = delete;
  std::int64_t* get() const { return static_cast<std::int64_t*>(pointer_); }

 private:
  device::Device device_;
  std::size_t bytes_;
  void* pointer_ = nullptr;
};

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::string name, int rank, int size, const NcclOptions& options, std::shared_ptr<NcclHandle> handle,
                   std::shared_ptr<CallWatch> watch, std::vector<int> world_ranks)
      : Communicator(std::move(name), rank, size),
        options_(options),
        nccl_(*options.nccl),
        handle_(std::move(handle)),
        watch_(std::move(watch)),
        stream_(options.device, "comm", true),
        before_(options.device),
        numbers_(options.device, 2 * (size + 1)) {
    set_world_ranks(std::move(world_ranks));
    watched_ = watch_->add({.trouble = [handle = handle_] { return handle->trouble(); },
                            .abort = [handle = handle_] { handle->abort(); }});
  }
  ~NcclCommunicator() override {
    watch_->remove(watched_);
    handle_->abort();
  }

  void abort() override { handle_->abort(); }
  void close() override {
    barrier("close");
    watch_->remove(watched_);
    try {
      handle_->close(options_.timeout_s);
    } catch (const PeerFailure& failure) {
      throw Error::rank({.what = failure.reason, .where = base::text("rank ", world_rank(rank())), .fix = {}});
    }
  }

 protected:
  void do_all_reduce(at::Tensor& tensor, Reduce op) override {
    check(tensor, true);
    void* data = tensor.data_ptr();
    run([&](NcclComm comm, device::StreamHandle stream) {
      return nccl_.all_reduce(data, data, count_of(tensor), nccl_type(tensor), nccl_op(op), comm, stream);
    });
  }

  void do_all_gather(at::Tensor& output, const at::Tensor& input) override {
    check(input, false);
    run([&](NcclComm comm, device::StreamHandle stream) {
      return nccl_.all_gather(input.data_ptr(), output.data_ptr(), count_of(input), nccl_type(input), comm, stream);
    });
  }

  void do_reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce op) override {
    check(input, true);
    run([&](NcclComm comm, device::StreamHandle stream) {
      return nccl_.reduce_scatter(input.data_ptr(), output.data_ptr(), count_of(output), nccl_type(input), nccl_op(op),
                                  comm, stream);
    });
  }

  void do_all_to_all_v(at::Tensor& output, std::span<const std::int64_t> output_rows, const at::Tensor& input,
                       std::span<const std::int64_t> input_rows) override {
    check(input, false);
    std::vector<at::Tensor> parts;
    parts.reserve(2 * static_cast<std::size_t>(size()));
    std::vector<P2POp> p2p_ops;
    std::int64_t from = 0, to = 0;
    const at::Tensor* own[2] = {};
    for (int peer = 0; peer < size(); ++peer) {
      const auto index = static_cast<std::size_t>(peer);
      parts.push_back(input.narrow(0, from, input_rows[index]));
      parts.push_back(output.narrow(0, to, output_rows[index]));
      from += input_rows[index];
      to += output_rows[index];
      const at::Tensor &sent = parts[parts.size() - 2], &received = parts.back();
      if (peer == rank()) {
        own[0] = &sent;
        own[1] = &received;
        continue;
      }
      p2p_ops.push_back({peer, true, &sent});
      p2p_ops.push_back({peer, false, &received});
    }
    move(p2p_ops, own[0], own[1]);
  }

  void do_broadcast(at::Tensor& tensor, int root) override {
    check(tensor, false);
    run([&](NcclComm comm, device::StreamHandle stream) {
      return nccl_.broadcast(tensor.data_ptr(), tensor.data_ptr(), count_of(tensor), nccl_type(tensor), root, comm,
                             stream);
    });
  }

  void do_exchange(std::span<const P2POp> p2p_ops) override {
    for (const P2POp& p2p_op : p2p_ops) check(*p2p_op.tensor, false);
    move(p2p_ops, nullptr, nullptr);
  }

  void do_barrier() override { gather_numbers(0, 0); }

  device::Event do_end_overlap() override {
    device::Event done(options_.device);
    done.record(stream_.ref());
    return done;
  }

  std::unique_ptr<Communicator> do_split(int color, int key, std::string name) override {
    // Waits for what was issued before: NCCL splits only communicators that are at rest.
    const std::vector<std::int64_t> all = gather_numbers(color, key);
    std::vector<int> members;
    for (int peer = 0; peer < size() && color >= 0; ++peer)
      if (all[static_cast<std::size_t>(peer) * 2] == color) members.push_back(peer);
    std::ranges::stable_sort(members, {}, [&](int peer) { return all[static_cast<std::size_t>(peer) * 2 + 1]; });
    const bool joins = members.size() > 1;
    auto part = joins ? std::make_shared<NcclHandle>(nccl_, name) : nullptr;
    handle_->split(color, key, part.get(), options_.timeout_s);
    if (members.empty()) return nullptr;
    std::vector<int> world_ranks;
    for (const int peer : members) world_ranks.push_back(world_rank(peer));
    if (!joins) return make_solo(std::move(name), world_ranks[0]);
    const auto place = static_cast<int>(std::ranges::find(members, rank()) - members.begin());
    return std::make_unique<NcclCommunicator>(std::move(name), place, static_cast<int>(members.size()), options_,
                                              std::move(part), watch_, std::move(world_ranks));
  }

 private:
  void check(const at::Tensor& tensor, bool reduced) const {
    INVARIANT(tensor.is_cuda() || options_.device.cuda->on_host,
              base::text("'", label(), "': NCCL moves tensors of a GPU"));
    INVARIANT(!reduced || tensor.element_size() > 1 || !tensor.is_floating_point(),
              base::text("'", label(), "': FP8 tensors are not reduced"));
  }

  void throw_if_failed() const {
    if (const auto failure = watch_->failure()) throw PeerFailure{-1, *failure};
    if (handle_->ended()) throw PeerFailure{-1, "the communicator was aborted"};
  }

  /// Issues between two events: behind the caller's stream, and, unless it overlaps, in front of what the caller does
  /// next.
  device::Event issue(bool grouped, const std::function<int(NcclComm, device::StreamHandle)>& body) {
    throw_if_failed();
    const device::StreamRef caller = device::current_stream(options_.device), own = stream_.ref();
    before_.record(caller);
    before_.block(own);
    handle_->call(label(), grouped, options_.timeout_s, [&](NcclComm comm) { return body(comm, own.handle()); });
    device::Event done = watch_->take_event();
    done.record(own);
    if (!overlaps()) done.block(caller);
    return done;
  }

  void run(const std::function<int(NcclComm, device::StreamHandle)>& body, bool grouped = false) {
    device::Event done = issue(grouped, body);
    bool capturing = false;
    CUDA_CHECK(*options_.device.cuda, stream_is_capturing(stream_.ref().handle(), &capturing));
    if (capturing)
      captured_.push_back(std::move(done));  // belongs to the graph: it may not be asked
    else
      watch_->follow(std::move(done), place());
  }

  std::string place() const { return base::text("'", label(), "' (call ", sequence(), " of ", name(), ")"); }

  /// One group of sends and receives; `own_from` is copied to `own_to` beside it.
  void move(std::span<const P2POp> p2p_ops, const at::Tensor* own_from, const at::Tensor* own_to) {
    if (p2p_ops.empty() && own_from == nullptr) return throw_if_failed();
    run(
        [&](NcclComm comm, device::StreamHandle stream) {
          if (own_from != nullptr && own_from->nbytes() > 0)
            CUDA_CHECK(*options_.device.cuda,
                       memory_copy(own_to->data_ptr(), own_from->data_ptr(), own_from->nbytes(), stream));
          int code = kNcclSuccess;
          for (const P2POp& p2p_op : p2p_ops) {
            if (p2p_op.tensor->numel() == 0) continue;
            const int answer = p2p_op.is_send ? nccl_.send(p2p_op.tensor->data_ptr(), count_of(*p2p_op.tensor),
                                                           nccl_type(*p2p_op.tensor), p2p_op.peer, comm, stream)
                                              : nccl_.receive(p2p_op.tensor->data_ptr(), count_of(*p2p_op.tensor),
                                                              nccl_type(*p2p_op.tensor), p2p_op.peer, comm, stream);
            if (answer != kNcclSuccess && answer != kNcclInProgress) code = answer;
          }
          return code;
        },
        true);
  }

  /// Every rank's two numbers, on the host; waits for all that was issued before.
  std::vector<std::int64_t> gather_numbers(std::int64_t first, std::int64_t second) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(size()) * 2);
    own_numbers_ = {first, second};
    const device::CudaApi& cuda = *options_.device.cuda;
    std::int64_t* gathered = numbers_.get() + 2;
    CUDA_CHECK(cuda, memory_copy(numbers_.get(), own_numbers_.data(), sizeof own_numbers_, stream_.ref().handle()));
    device::Event done = issue(false, [&](NcclComm comm, device::StreamHandle stream) {
      return nccl_.all_gather(numbers_.get(), gathered, 2, kNcclInt64, comm, stream);
    });
    watch_->follow(std::move(done), place());
    device::Event copied(options_.device);
    CUDA_CHECK(cuda, memory_copy(all.data(), gathered, all.size() * sizeof all[0], stream_.ref().handle()));
    copied.record(stream_.ref());
    while (!copied.done()) {
      throw_if_failed_once_done(copied);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    throw_if_failed();
    return all;
  }

  /// `all` of gather_numbers is written until the stream is past them, also after an abort.
  void throw_if_failed_once_done(const device::Event& event) const {
    if (!watch_->failure() && !handle_->ended()) return;
    event.synchronize();
    throw_if_failed();
  }

  NcclOptions options_;
  const NcclApi& nccl_;
  std::shared_ptr<NcclHandle> handle_;         // shared: with the watch, which aborts it from its thread
  std::shared_ptr<CallWatch> watch_;           // shared: one thread watches all communicators of a rank
  std::array<std::int64_t, 2> own_numbers_{};  // a copy on the stream may still read it: outlives stream_
  device::Stream stream_;
  device::Event before_;
  DeviceNumbers numbers_;
  std::vector<device::Event> captured_;
  int watched_ = 0;
};

}  // namespace

const NcclApi& nccl_api() { return device::cuda_form<ApiForm>("nccl_api")(); }

std::unique_ptr<Communicator> make_nccl(std::string name, std::shared_ptr<Store> store, int rank, int size,
                                        const NcclOptions& options) {
  if (size == 1) return make_solo(std::move(name), rank);
  const auto failed = [&](const std::string& reason) {
    return Error::cluster({.what = base::text("the ranks of ", name, " did not come together: ", reason),
                           .where = base::text("rank ", rank),
                           .fix = "see which rank did not start; NCCL_DEBUG=INFO shows what NCCL does"});
  };
  const std::string key = base::text("nccl_", name, "/id");
  NcclUniqueId id{};
  if (rank == 0) {
    if (const int code = options.nccl->unique_id(&id); code != kNcclSuccess)
      throw failed(options.nccl->error_text(code));
    store->set(key, std::string(id.bytes, sizeof id.bytes));
  } else {
    const std::string bytes = store->get(key, options.timeout_s);
    std::ranges::copy_n(bytes.begin(), static_cast<std::ptrdiff_t>(std::min(bytes.size(), sizeof id.bytes)), id.bytes);
  }
  auto handle = std::make_shared<NcclHandle>(*options.nccl, name);
  try {
    handle->init(id, rank, size, options.timeout_s);
  } catch (const PeerFailure& failure) {
    throw failed(failure.reason);
  }
  auto watch = std::make_shared<CallWatch>(options.device, options.timeout_s, options.on_failure);
  return std::make_unique<NcclCommunicator>(std::move(name), rank, size, options, std::move(handle), std::move(watch),
                                            std::vector<int>{});
}

}  // namespace muster::comm

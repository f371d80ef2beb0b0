#include "runtime/comm/gloo_communicator.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/gloo_transport.h"
#include "runtime/comm/solo_communicator.h"
#include "runtime/comm/store_protocol.h"

namespace muster::comm {
namespace {

// Up to here every rank sends its whole input to every other and reduces alone: one hop instead of two.
constexpr std::size_t kDirectBytes = 32 << 10;
// Larger reductions go piece by piece, so that what is received beside the tensor stays small.
constexpr std::int64_t kPieceBytes = 4 << 20;
constexpr double kWaitTick_s = 5;  // in a wait for all, between two signs of life

Message message(int peer, bool to_peer, const at::Tensor& tensor) {
  return {peer, to_peer, tensor.data_ptr(), tensor.nbytes()};
}

void fold(at::Tensor& sum, const at::Tensor& term, Reduce op) {
  switch (op) {
    case Reduce::sum:
      sum.add_(term);
      return;
    case Reduce::max:
      at::max_out(sum, sum, term);
      return;
    case Reduce::min:
      at::min_out(sum, sum, term);
      return;
  }
}

/// terms_NX reduced over its rows in their order, into output_X (same type).
void reduce_rows(at::Tensor output_X, const at::Tensor& terms_NX, Reduce op) {
  const bool widened = terms_NX.scalar_type() == at::kBFloat16 || terms_NX.scalar_type() == at::kHalf;
  at::Tensor sum = widened ? terms_NX[0].to(at::kFloat) : terms_NX[0];
  for (std::int64_t i = 1; i < terms_NX.size(0); ++i) fold(sum, widened ? terms_NX[i].to(at::kFloat) : terms_NX[i], op);
  output_X.copy_(sum);
}

class GlooCommunicator final : public Communicator {
 public:
  GlooCommunicator(std::string name, std::shared_ptr<GlooTransport::Device> device, std::shared_ptr<Store> store,
                   int rank, int size, const GlooOptions& options, std::vector<int> world_ranks)
      : Communicator(std::move(name), rank, size),
        device_(std::move(device)),
        store_(std::move(store)),
        options_(options) {
    set_world_ranks(std::move(world_ranks));
    const auto failed = [&](const std::string& reason) {
      return Error::cluster({.what = base::text("the ranks of ", this->name(), " did not come together: ", reason),
                             .where = base::text("rank ", world_rank(rank)),
                             .fix = "see which rank did not start, and whether the nodes reach each other on the "
                                    "address of the placement file"});
    };
    try {
      transport_ = std::make_unique<GlooTransport>(device_, store_, rank, size, options.timeout_s);
      prove_key();
    } catch (const PeerFailure& failure) {
      throw failed(failure.peer < 0 ? failure.reason
                                    : base::text("rank ", world_rank(failure.peer), " ", failure.reason));
    } catch (const Error&) {
      throw;
    } catch (const std::exception& failure) {
      const std::string_view reason(failure.what());
      throw failed(std::string(reason.substr(0, reason.find('\n'))));
    }
  }
  ~GlooCommunicator() override { transport_->abort(); }

  void abort() override { transport_->abort(); }
  void close() override {
    barrier("close");
    transport_->abort();
  }

 protected:
  void do_all_reduce(at::Tensor& tensor, Reduce op) override {
    check(tensor, true);
    const std::int64_t numel = tensor.numel();
    if (numel == 0) return;
    at::Tensor flat = tensor.view(-1);
    if (size() == 2 || tensor.nbytes() <= kDirectBytes) {
      const std::int64_t piece =
          std::max<std::int64_t>(1, size() * kPieceBytes / static_cast<std::int64_t>(flat.element_size()));
      for (std::int64_t begin = 0; begin < numel; begin += piece) {
        const at::Tensor part = flat.narrow(0, begin, std::min(piece, numel - begin));
        const at::Tensor terms = at::empty({size(), part.numel()}, part.options());
        gather(terms, part);
        reduce_rows(part, terms, op);
      }
      return;
    }
    const std::int64_t share = numel / size();
    at::Tensor even = flat.narrow(0, 0, share * size());
    if (share > 0) {
      at::Tensor own = even.narrow(0, rank() * share, share);
      scatter(own, even, op);
      gather(even.view({size(), share}), own);
    }
    if (at::Tensor rest = flat.narrow(0, share * size(), numel - share * size()); rest.numel() > 0)
      do_all_reduce(rest, op);
  }

  void do_all_gather(at::Tensor& output, const at::Tensor& input) override {
    check(input, false);
    gather(output.view({size(), input.numel()}), input.view(-1));
  }

  void do_reduce_scatter(at::Tensor& output, const at::Tensor& input, Reduce op) override {
    check(input, true);
    at::Tensor flat = output.view(-1);
    scatter(flat, input.view(-1), op);
  }

  void do_all_to_all_v(at::Tensor& output, std::span<const std::int64_t> output_rows, const at::Tensor& input,
                       std::span<const std::int64_t> input_rows) override {
    check(input, false);
    std::vector<Message> messages;
    std::int64_t from = 0, to = 0;
    for (int peer = 0; peer < size(); ++peer) {
      const auto index = static_cast<std::size_t>(peer);
      const at::Tensor sent = input.narrow(0, from, input_rows[index]),
                       received = output.narrow(0, to, output_rows[index]);
      from += input_rows[index];
      to += output_rows[index];
      if (peer == rank()) {
        received.copy_(sent);
      } else {
        messages.push_back(message(peer, true, sent));
        messages.push_back(message(peer, false, received));
      }
    }
    move(messages);
  }

  void do_broadcast(at::Tensor& tensor, int root) override {
    check(tensor, false);
    std::vector<Message> messages;
    if (rank() == root)
      for (int peer = 0; peer < size(); ++peer) {
        if (peer != root) messages.push_back(message(peer, true, tensor));
      }
    else
      messages.push_back(message(root, false, tensor));
    move(messages);
  }

  void do_exchange(std::span<const P2POp> p2p_ops) override {
    std::vector<Message> messages;
    for (const P2POp& p2p_op : p2p_ops) {
      check(*p2p_op.tensor, false);
      messages.push_back(message(p2p_op.peer, p2p_op.is_send, *p2p_op.tensor));
    }
    move(messages);
  }

  void do_barrier() override {
    std::vector<char> bytes(static_cast<std::size_t>(size()) * 2);
    std::vector<Message> messages;
    for (int peer = 0; peer < size(); ++peer)
      if (peer != rank()) {
        char* both = &bytes[static_cast<std::size_t>(peer) * 2];
        messages.push_back({peer, true, both, 1});
        messages.push_back({peer, false, both + 1, 1});
      }
    move(messages);
  }

  // Through the store, where a wait that is given up for a moment harms nothing; a wait of gloo's ends its connections.
  void do_wait_for_all(const std::function<void()>& on_wait) override {
    const std::string arrived = base::text("arrived_", sequence()), all = base::text("all_", sequence());
    if (store_->add(arrived, 1) == size()) {
      store_->remove(arrived);
      store_->remove(last_all_);  // whoever has arrived here has left there
      store_->set(all, "1");
    }
    last_all_ = all;
    while (!store_->wait_for(all, std::min(kWaitTick_s, options_.timeout_s / 4))) on_wait();
  }

  std::unique_ptr<Communicator> do_split(int color, int key, std::string name) override {
    const std::int64_t own[2] = {color, key};
    std::vector<std::int64_t> all(static_cast<std::size_t>(size()) * 2);
    const auto longs = [](std::int64_t* data, std::int64_t count) { return at::from_blob(data, {count}, at::kLong); };
    gather(longs(all.data(), size() * 2).view({size(), 2}), longs(const_cast<std::int64_t*>(own), 2));
    const int number = ++num_splits_;
    if (color < 0) return nullptr;
    std::vector<int> members;
    for (int peer = 0; peer < size(); ++peer)
      if (all[static_cast<std::size_t>(peer) * 2] == color) members.push_back(peer);
    std::ranges::stable_sort(members, {}, [&](int peer) { return all[static_cast<std::size_t>(peer) * 2 + 1]; });
    std::vector<int> world_ranks;
    for (const int peer : members) world_ranks.push_back(world_rank(peer));
    if (members.size() == 1) return make_solo(std::move(name), world_ranks[0]);
    const auto place = static_cast<int>(std::ranges::find(members, rank()) - members.begin());
    return std::make_unique<GlooCommunicator>(std::move(name), device_,
                                              prefixed(base::text("split_", number, "_", color), store_), place,
                                              static_cast<int>(members.size()), options_, std::move(world_ranks));
  }

 private:
  void check(const at::Tensor& tensor, bool reduced) const {
    INVARIANT(tensor.is_cpu(), base::text("'", label(), "': gloo moves CPU tensors; staged moves those of a GPU"));
    INVARIANT(!reduced || (tensor.element_size() > 1 || !tensor.is_floating_point()),
              base::text("'", label(), "': FP8 tensors are not reduced"));
  }

  /// A call is all or nothing: after a failure the peers are told, and no later call is tried.
  void move(std::span<const Message> messages) {
    try {
      transport_->move(messages, static_cast<int>(sequence() & 0x3fffffff), options_.timeout_s);
    } catch (const PeerFailure&) {
      transport_->abort();
      throw;
    }
  }

  /// Row i of output_NX becomes rank i's input_X.
  void gather(const at::Tensor& output_NX, const at::Tensor& input_X) {
    std::vector<Message> messages;
    for (int peer = 0; peer < size(); ++peer) {
      if (peer == rank()) continue;
      messages.push_back(message(peer, true, input_X));
      messages.push_back(message(peer, false, output_NX[peer]));
    }
    if (const at::Tensor own = output_NX[rank()]; own.data_ptr() != input_X.data_ptr()) own.copy_(input_X);
    move(messages);
  }

  /// output_X: block `rank` of every rank's input_NX, reduced. May be a part of the input: each piece is read before it
  /// is written.
  void scatter(at::Tensor& output_X, const at::Tensor& input, Reduce op) {
    const std::int64_t numel = output_X.numel();
    const at::Tensor input_NX = input.view({size(), numel});
    const std::int64_t piece =
        std::max<std::int64_t>(1, kPieceBytes / static_cast<std::int64_t>(output_X.element_size()));
    for (std::int64_t begin = 0; begin < numel; begin += piece) {
      const std::int64_t count = std::min(piece, numel - begin);
      const at::Tensor terms = at::empty({size(), count}, output_X.options());
      std::vector<Message> messages;
      for (int peer = 0; peer < size(); ++peer) {
        const at::Tensor mine = input_NX[peer].narrow(0, begin, count);
        if (peer == rank()) {
          terms[peer].copy_(mine);
        } else {
          messages.push_back(message(peer, true, mine));
          messages.push_back(message(peer, false, terms[peer]));
        }
      }
      move(messages);
      reduce_rows(output_X.narrow(0, begin, count), terms, op);
    }
  }

  /// gloo believes whoever connects: so each pair of ranks shows that it knows the attempt's key before it carries
  /// anything.
  void prove_key() {
    if (options_.key.empty()) return;
    const auto proof = [&](int from, int to) {
      return store_proof(options_.key, name(), base::text("/", from), base::text("/", to));
    };
    std::vector<std::string> sent(static_cast<std::size_t>(size())), received(sent.size());
    std::vector<Message> messages;
    for (int peer = 0; peer < size(); ++peer) {
      if (peer == rank()) continue;
      const auto index = static_cast<std::size_t>(peer);
      sent[index] = proof(rank(), peer);
      received[index].resize(kProofBytes);
      messages.push_back({peer, true, sent[index].data(), kProofBytes});
      messages.push_back({peer, false, received[index].data(), kProofBytes});
    }
    move(messages);
    for (int peer = 0; peer < size(); ++peer)
      if (peer != rank() && !same_proof(received[peer], proof(peer, rank()))) {
        transport_->abort();
        throw PeerFailure{peer, "does not know the key of this attempt"};
      }
  }

  std::shared_ptr<GlooTransport::Device> device_;  // shared: one listening socket for all groups of the process
  std::shared_ptr<Store> store_;                   // shared: splits meet through it too
  GlooOptions options_;
  std::unique_ptr<GlooTransport> transport_;
  int num_splits_ = 0;
  std::string last_all_;  // the store's key of the last wait for all
};

}  // namespace

std::unique_ptr<Communicator> make_gloo(std::string name, std::shared_ptr<Store> store, int rank, int size,
                                        const GlooOptions& options) {
  if (size == 1) return make_solo(std::move(name), rank);
  auto own = prefixed("gloo_" + name, std::move(store));
  return std::make_unique<GlooCommunicator>(std::move(name), GlooTransport::open_device(options.address),
                                            std::move(own), rank, size, options, std::vector<int>{});
}

}  // namespace muster::comm

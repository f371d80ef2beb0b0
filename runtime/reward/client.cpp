#include "runtime/reward/client.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::reward {
namespace {

constexpr std::chrono::seconds kWaitTick{1};  // a worker that falls silent is given up, so to wait is progress

struct Worker {
  base::Descriptor fd;
  std::string to_send, sending;  // handed over by submit; taken by the I/O thread
  std::size_t num_sent = 0;      // bytes of `sending`
  std::string reply_part;
  std::unordered_set<std::int64_t> open;  // without a reply
  double heard_s = 0;                     // when something last came, or the first of the open answers went
  bool lost = false;
};

}  // namespace

struct RewardClient::State {
  ClientOptions options;
  mutable std::mutex mutex;  // guards all below but `wake` and what only the I/O thread touches
  std::condition_variable changed;
  std::vector<Worker> workers;
  std::unordered_map<std::int64_t, Reply> replies;  // not collected yet
  std::unordered_set<std::int64_t> in_use;
  std::int64_t num_ended = 0, num_silent = 0;  // the workers that are lost
  std::exception_ptr failure;                  // of the I/O thread, rethrown by collect
  base::Descriptor wake;
  std::atomic<bool> awake{false};
  std::jthread thread;

  void run(const std::stop_token& stop);
  void poll_once();
  bool send_some(Worker& worker);
  bool read_some(Worker& worker);
  bool take_replies(Worker& worker);
  void lose(Worker& worker, bool is_silent);
  std::string lost_text() const;
  void call() {
    if (awake.exchange(true)) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written =
        ::write(wake.get(), &one, sizeof(one));  // fails only when it is set already
  }
};

void RewardClient::State::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "reward-io");
  try {
    while (!stop.stop_requested()) poll_once();
  } catch (...) {  // kept, and thrown again by collect
    const std::scoped_lock lock(mutex);
    failure = std::current_exception();
    changed.notify_all();
  }
}

void RewardClient::State::poll_once() {
  std::vector<pollfd> polled = {{wake.get(), POLLIN, 0}};
  {
    const std::scoped_lock lock(mutex);
    for (Worker& worker : workers) {
      if (worker.sending.empty()) std::swap(worker.sending, worker.to_send);
      polled.push_back(
          {worker.lost ? -1 : worker.fd.get(), static_cast<short>(POLLIN | (worker.sending.empty() ? 0 : POLLOUT)), 0});
    }
  }
  if (::poll(polled.data(), polled.size(), 500) < 0 && errno != EINTR)
    throw Error::cluster({.what = "poll of the reward workers failed"});
  if (polled[0].revents & POLLIN) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake.get(), &count, sizeof(count));
    awake.store(false);
  }
  for (std::size_t i = 0; i < workers.size(); ++i) {
    Worker& worker = workers[i];
    if (worker.lost) continue;
    const short events = polled[i + 1].revents;
    bool alive = true;
    if (events & POLLOUT) alive = send_some(worker);
    if (events & (POLLIN | POLLHUP | POLLERR)) alive = read_some(worker) && alive;
    const std::scoped_lock lock(mutex);
    const bool silent = !worker.open.empty() && base::steady_s() - worker.heard_s > options.silent_s;
    if (!alive || silent) lose(worker, alive);
  }
}

bool RewardClient::State::send_some(Worker& worker) {
  const ssize_t sent = ::send(worker.fd.get(), worker.sending.data() + worker.num_sent,
                              worker.sending.size() - worker.num_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  worker.num_sent += static_cast<std::size_t>(sent);
  if (worker.num_sent == worker.sending.size()) {
    worker.sending.clear();
    worker.num_sent = 0;
  }
  return true;
}

bool RewardClient::State::read_some(Worker& worker) {
  for (char block[64 << 10];;) {
    const ssize_t got = ::recv(worker.fd.get(), block, sizeof(block), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    worker.reply_part.append(block, static_cast<std::size_t>(got));
    if (!take_replies(worker) || std::ssize(worker.reply_part) > kMaxLineBytes) return false;
  }
}

// False when the worker does not speak the protocol.
bool RewardClient::State::take_replies(Worker& worker) {
  std::vector<Reply> replies;
  std::size_t begin = 0;
  try {
    for (std::size_t end; (end = worker.reply_part.find('\n', begin)) != std::string::npos; begin = end + 1)
      if (end > begin)  // an empty line is a beat
        replies.push_back(parse_reply(std::string_view(worker.reply_part).substr(begin, end - begin)));
  } catch (const Error&) {
    return false;
  }
  worker.reply_part.erase(0, begin);
  const std::scoped_lock lock(mutex);
  worker.heard_s = base::steady_s();
  for (Reply& reply : replies)
    if (worker.open.erase(reply.id) > 0) this->replies[reply.id] = std::move(reply);
  if (!replies.empty()) changed.notify_all();
  return true;
}

// Under the mutex.
void RewardClient::State::lose(Worker& worker, bool is_silent) {
  worker.lost = true;
  ++(is_silent ? num_silent : num_ended);
  for (const std::int64_t id : worker.open)
    replies[id] = {id, {0, Outcome::failed}, is_silent ? "its reward worker fell silent" : "its reward worker ended"};
  worker.open.clear();
  worker.fd.reset();
  worker.to_send.clear();
  worker.sending.clear();
  changed.notify_all();
}

// Under the mutex.
std::string RewardClient::State::lost_text() const {
  std::vector<std::string> how;
  if (num_ended > 0) how.push_back(base::text(num_ended, " ended"));
  if (num_silent > 0)
    how.push_back(base::text(num_silent, num_silent == 1 ? " was" : " were", " silent for ",
                             base::seconds_text(options.silent_s)));
  return base::text(num_ended + num_silent, " of the ", workers.size(),
                    " reward workers of this rank are lost: ", base::join(how, ", "));
}

RewardClient::RewardClient(std::vector<int> worker_fds, const ClientOptions& options)
    : state_(std::make_unique<State>()) {
  if (worker_fds.empty())
    throw Error::user({.what = "there are no reward workers",
                       .where = "reward.workers",
                       .fix = "a rank that scores answers needs one at least"});
  state_->options = options;
  for (const int fd : worker_fds) {
    state_->workers.emplace_back();
    state_->workers.back().fd = base::Descriptor(fd);
  }
  state_->wake = base::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state_->wake) throw Error::cluster({.what = "no event descriptor for the reward workers"});
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->run(stop); });
}

RewardClient::~RewardClient() {
  state_->thread.request_stop();
  state_->awake.store(false);
  state_->call();
  state_->thread.join();
}

void RewardClient::submit(const Request& request) {
  const std::int64_t id = request.id;
  const std::string line = request_line(request);
  {
    const std::scoped_lock lock(state_->mutex);
    INVARIANT(state_->in_use.insert(id).second, base::text("answer ", id, " is submitted once"));
    Worker* best = nullptr;
    for (Worker& worker : state_->workers)
      if (!worker.lost && (best == nullptr || worker.open.size() < best->open.size())) best = &worker;
    if (best == nullptr) {
      state_->replies[id] = {id, {0, Outcome::failed}, "no reward worker is left"};
      return;
    }
    if (best->open.empty()) best->heard_s = base::steady_s();
    best->open.insert(id);
    best->to_send += line;
  }
  state_->call();
}

Collected RewardClient::collect(std::span<const std::int64_t> ids, const std::function<void()>& on_progress) {
  const base::Stopwatch watch;
  std::unique_lock lock(state_->mutex);
  std::size_t known = 0;  // all before this one have their grade
  for (const std::int64_t id : ids)
    INVARIANT(state_->in_use.contains(id), base::text("answer ", id, " was submitted and not collected yet"));
  const auto is_over = [&] {
    if (on_progress) on_progress();
    while (known < ids.size() && state_->replies.contains(ids[known])) ++known;
    return known == ids.size() || state_->failure;
  };
  while (!state_->changed.wait_for(lock, kWaitTick, is_over)) {
  }
  if (state_->failure) std::rethrow_exception(state_->failure);
  const std::int64_t num_lost = state_->num_ended + state_->num_silent;
  if (num_lost > state_->options.max_lost_workers || num_lost == std::ssize(state_->workers))
    throw Error::rank({.what = state_->lost_text(),
                       .fix = state_->num_ended > 0
                                  ? "the logs of the node and of this rank say how; out of memory is a usual reason"
                                  : "it was stopped, or its machine has no time for it"});
  Collected collected;
  collected.grades.reserve(ids.size());
  for (const std::int64_t id : ids) {
    Reply& reply = state_->replies.at(id);
    collected.grades.push_back(reply.grade);
    collected.notes.push_back(std::move(reply.note));
    state_->replies.erase(id);
    state_->in_use.erase(id);
  }
  collected.waited_s = watch.elapsed_s();
  return collected;
}

std::int64_t RewardClient::lost_workers() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->num_ended + state_->num_silent;
}

}  // namespace muster::reward

#include "runtime/comm/store_client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/text.h"

namespace muster::comm {
namespace {

struct Stopped {};  // the other end closed, or the limit passed
struct Late {};

constexpr int kRefusals = 3;  // so many in a row mean that the key is another one

/// Waits for `events`; throws Late when the limit passes.
void await(int socket, short events, double deadline_s) {
  while (true) {
    const double left_s = deadline_s - base::steady_s();
    if (left_s <= 0) throw Late{};
    pollfd polled{socket, events, 0};
    if (::poll(&polled, 1, static_cast<int>(std::min(left_s, 60.0) * 1000) + 1) > 0) return;
  }
}

void send_all(int socket, std::string_view bytes, double deadline_s) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(count));
    else if (errno == EAGAIN)
      await(socket, POLLOUT, deadline_s);
    else if (errno != EINTR)
      throw Stopped{};
  }
}

std::string receive_exactly(int socket, std::size_t size, double deadline_s) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t count = ::recv(socket, bytes.data() + have, size - have, MSG_DONTWAIT);
    if (count > 0)
      have += static_cast<std::size_t>(count);
    else if (count < 0 && errno == EAGAIN)
      await(socket, POLLIN, deadline_s);
    else if (count == 0 || errno != EINTR)
      throw Stopped{};
  }
  return bytes;
}

/// One try at every address of the name. Empty: nobody answers there now; `why` says what the system said.
base::Descriptor try_connect(const std::string& address, int port, double deadline_s, std::string& why) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int code = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0) {
    why = ::gai_strerror(code);
    return {};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    base::Descriptor socket(
        ::socket(entry->ai_family, entry->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, entry->ai_protocol));
    if (!socket) continue;
    int error = ::connect(socket.get(), entry->ai_addr, entry->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      try {
        await(socket.get(), POLLOUT, std::min(deadline_s, base::steady_s() + 5));
      } catch (const Late&) {
        why = "no answer";
        continue;
      }
      socklen_t size = sizeof error;
      ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      const int one = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      return socket;
    }
    why = std::strerror(error);
  }
  return {};
}

}  // namespace

StoreClient::StoreClient(std::string address, int port, std::string key, double limit_s)
    : address_(std::move(address)), key_(std::move(key)), port_(port), limit_s_(limit_s) {
  idle_.push_back(connect(limit_s));
}

Error StoreClient::lost(std::string_view why) const {
  return Error::cluster({.what = base::text("the meeting point of the ranks: ", why),
                         .where = base::text(address_, ":", port_),
                         .fix = "rank 0 holds it: see how rank 0 ended"});
}

base::Descriptor StoreClient::connect(double limit_s) const {
  const double deadline_s = base::steady_s() + limit_s;
  const std::string where = base::text(address_, ":", port_);
  std::string why;
  int refusals = 0;
  for (int pause_ms = 10;; pause_ms = std::min(pause_ms * 2, 250)) {
    base::Descriptor socket = try_connect(address_, port_, deadline_s, why);
    if (socket) {
      bool greeted = false;
      try {
        const std::string magic = receive_exactly(socket.get(), kStoreMagic.size(), deadline_s);
        if (magic != kStoreMagic)
          throw Error::cluster(
              {.what = "what listens here is not the meeting point of this run",
               .where = where,
               .fix = "another program holds the port: start the run on another port, or end that program"});
        const std::string theirs = receive_exactly(socket.get(), kNonceBytes, deadline_s), ours = fresh_nonce();
        greeted = true;
        send_all(socket.get(), ours + store_proof(key_, "client", theirs, ours), deadline_s);
        const std::string proof = receive_exactly(socket.get(), kProofBytes, deadline_s);
        if (same_proof(proof, store_proof(key_, "server", ours, theirs))) return socket;
        throw Error::cluster({.what = "the meeting point does not know the key of this attempt",
                              .where = where,
                              .fix = "do not trust it: another run or person listens on this port"});
      } catch (const Stopped&) {
        // Once it can be that others crowd the meeting point.
        if (greeted && ++refusals == kRefusals)
          throw Error::cluster(
              {.what = "the meeting point refused our key",
               .where = where,
               .fix = "another attempt listens on this port: end it, or start this one on another port"});
        why = "closed at once";
      } catch (const Late&) {
        why = "listens, but says nothing";
      }
    }
    if (base::steady_s() + pause_ms * 1e-3 > deadline_s)
      throw Error::cluster(
          {.what = base::text("no meeting point within ", base::number_text(limit_s, 0), " s (", why, ")"),
           .where = where,
           .fix = "rank 0 opens it: see whether rank 0 started, and whether its node can be reached at this address"});
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
}

std::optional<StoreClient::Reply> StoreClient::ask(StoreOp op, std::string_view key, std::string_view value,
                                                   double limit_s) {
  base::Descriptor socket;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      socket = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!socket) socket = connect(limit_s_);
  const double deadline_s = base::steady_s() + (limit_s < 0 ? limit_s_ : limit_s);
  try {
    send_all(socket.get(), request_frame(op, key, value), deadline_s);
    const std::string header = receive_exactly(socket.get(), kReplyHeader, deadline_s);
    const std::uint32_t bytes = read_u32(header.data() + 1);
    if (bytes > kMaxField) throw Stopped{};
    Reply reply{header[0] != 0, receive_exactly(socket.get(), bytes, deadline_s)};
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(socket));
    return reply;
  } catch (const Stopped&) {
    throw lost("the connection broke");
  } catch (const Late&) {
    if (limit_s >= 0) return std::nullopt;
    throw lost(base::text("no answer within ", base::number_text(limit_s_, 0), " s"));
  }
}

void StoreClient::set(const std::string& key, const std::string& value) { ask(StoreOp::set, key, value); }

std::string StoreClient::get(const std::string& key, double limit_s) {
  std::optional<std::string> value = wait_for(key, limit_s);
  if (!value) throw lost(base::text("'", key, "' was not written within ", base::number_text(limit_s, 1), " s"));
  return *std::move(value);
}

std::optional<std::string> StoreClient::wait_for(const std::string& key, double limit_s) {
  auto reply = ask(StoreOp::get, key, {}, std::max(limit_s, 0.001));
  return reply ? std::optional(std::move(reply->value)) : std::nullopt;
}

std::optional<std::string> StoreClient::find(const std::string& key) {
  Reply reply = *ask(StoreOp::find, key, {});
  return reply.found ? std::optional(std::move(reply.value)) : std::nullopt;
}

std::int64_t StoreClient::add(const std::string& key, std::int64_t delta) {
  return std::stoll(ask(StoreOp::add, key, std::to_string(delta))->value);
}

void StoreClient::append(const std::string& key, const std::string& value) { ask(StoreOp::append, key, value); }

std::string StoreClient::compare_set(const std::string& key, const std::string& expected, const std::string& desired) {
  return ask(StoreOp::compare_set, key, pair_text(expected, desired))->value;
}

bool StoreClient::remove(const std::string& key) { return ask(StoreOp::remove, key, {})->found; }

}  // namespace muster::comm

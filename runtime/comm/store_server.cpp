#include "runtime/comm/store_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <vector>

#include "runtime/base/clock.h"
#include "runtime/comm/store_protocol.h"

namespace muster::comm {
namespace {

constexpr double kProofLimit_s = 10;
constexpr double kHandshake_s = 0.2;  // so long a stranger is left in peace: a rank proves itself in less
constexpr std::size_t kMaxStrangers = 512;

// The bytes of an address; a port of its own for each connection would hide that they come from one place.
std::string address_of(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET)
    return {reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in&>(from).sin_addr), sizeof(in_addr)};
  if (from.ss_family == AF_INET6)
    return {reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in6&>(from).sin6_addr), sizeof(in6_addr)};
  return "";
}

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

StoreServer::StoreServer(base::Descriptor listener, std::string key)
    : listener_(std::move(listener)),
      wake_(::eventfd(0, EFD_CLOEXEC)),
      key_(std::move(key)),
      thread_([this](std::stop_token stop) {
        ::pthread_setname_np(::pthread_self(), "store-server");
        run(stop);
      }) {}

StoreServer::~StoreServer() {
  thread_.request_stop();
  const std::uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) < 0) return;  // jthread's own join waits for the next poll at worst
}

void StoreServer::run(std::stop_token stop) {
  std::vector<pollfd> polled;
  while (!stop.stop_requested()) {
    polled.clear();
    polled.push_back({wake_.get(), POLLIN, 0});
    polled.push_back({listener_.get(), POLLIN, 0});
    for (const Client& client : clients_)
      polled.push_back({client.socket.get(), static_cast<short>(POLLIN | (client.out.empty() ? 0 : POLLOUT)), 0});
    ::poll(polled.data(), polled.size(), 1000);
    std::size_t index = 2;
    for (Client& client : clients_) {
      const short events = polled[index++].revents;
      if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) receive(client);
      if ((events & POLLOUT) != 0) flush(client);
      if (!client.trusted && base::steady_s() - client.since_s > kProofLimit_s) client.gone = true;
    }
    clients_.remove_if([](const Client& client) { return client.gone; });
    if ((polled[1].revents & POLLIN) != 0) accept_clients();
  }
}

void StoreServer::accept_clients() {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  base::Descriptor socket(
      ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket || !make_room()) return;
  const int one = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  Client& client = clients_.emplace_back();
  client.socket = std::move(socket);
  client.nonce = fresh_nonce();
  client.since_s = base::steady_s();
  client.address = address_of(from);
  client.out.append(kStoreMagic).append(client.nonce);
  flush(client);
}

// Whoever holds connections without a proof keeps no rank out: at the limit the oldest stranger of the address that has
// most of them makes room. False when even that one came just now; the newcomer is turned away and tries again.
bool StoreServer::make_room() {
  std::map<std::string_view, std::size_t> strangers;
  std::size_t total = 0, most = 0;
  for (const Client& client : clients_) {
    if (client.trusted) continue;
    ++total;
    most = std::max(most, ++strangers[client.address]);
  }
  if (total < kMaxStrangers) return true;
  // The list is in the order of arrival.
  const auto oldest = std::find_if(clients_.begin(), clients_.end(), [&](const Client& client) {
    return !client.trusted && strangers[client.address] == most;
  });
  if (base::steady_s() - oldest->since_s < kHandshake_s) return false;
  clients_.erase(oldest);
  return true;
}

void StoreServer::receive(Client& client) {
  char buffer[64 << 10];
  const ssize_t count =
      ::recv(client.socket.get(), buffer, client.trusted ? sizeof buffer : kNonceBytes + kProofBytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    client.gone = true;
    return;
  }
  client.in.append(buffer, static_cast<std::size_t>(count));
  if (!client.trusted) take_proof(client);
  if (client.trusted) take_requests(client);
  flush(client);
}

void StoreServer::take_proof(Client& client) {
  if (client.in.size() < kNonceBytes + kProofBytes) return;
  const std::string nonce = client.in.substr(0, kNonceBytes);
  const std::string proof = client.in.substr(kNonceBytes, kProofBytes);
  client.in.erase(0, kNonceBytes + kProofBytes);
  if (!same_proof(proof, store_proof(key_, "client", client.nonce, nonce))) {
    client.gone = true;
    return;
  }
  client.trusted = true;
  client.out += store_proof(key_, "server", nonce, client.nonce);
}

void StoreServer::take_requests(Client& client) {
  while (!client.gone && !client.waiting && client.in.size() >= kRequestHeader) {
    const std::size_t key_bytes = read_u32(client.in.data() + 1), value_bytes = read_u32(client.in.data() + 5);
    if (key_bytes > kMaxField || value_bytes > kMaxField) {
      client.gone = true;
      return;
    }
    if (client.in.size() < kRequestHeader + key_bytes + value_bytes) return;
    const auto op = static_cast<std::uint8_t>(client.in[0]);
    const std::string key = client.in.substr(kRequestHeader, key_bytes);
    const std::string value = client.in.substr(kRequestHeader + key_bytes, value_bytes);
    client.in.erase(0, kRequestHeader + key_bytes + value_bytes);
    answer(client, op, key, value);
  }
}

void StoreServer::answer(Client& client, std::uint8_t op, const std::string& key, const std::string& value) {
  const auto found = table_.find(key);
  switch (static_cast<StoreOp>(op)) {
    case StoreOp::set:
      table_[key] = value;
      client.out += reply_frame(true, {});
      return changed(key);
    case StoreOp::get:
      if (found != table_.end()) {
        client.out += reply_frame(true, found->second);
      } else {
        client.waiting = true;
        client.awaited = key;
      }
      return;
    case StoreOp::find:
      client.out += reply_frame(found != table_.end(), found != table_.end() ? found->second : std::string());
      return;
    case StoreOp::add:
      table_[key] = std::to_string((found != table_.end() ? number_of(found->second) : 0) + number_of(value));
      client.out += reply_frame(true, table_[key]);
      return changed(key);
    case StoreOp::append:
      table_[key] += value;
      client.out += reply_frame(true, {});
      return changed(key);
    case StoreOp::compare_set: {
      const std::size_t expected_bytes = value.size() >= 4 ? read_u32(value.data()) : kMaxField;
      if (expected_bytes + 4 > value.size()) break;
      if (found != table_.end() ? found->second == value.substr(4, expected_bytes) : expected_bytes == 0)
        table_[key] = value.substr(4 + expected_bytes);
      const auto now = table_.find(key);
      client.out += reply_frame(now != table_.end(), now != table_.end() ? now->second : std::string());
      return changed(key);
    }
    case StoreOp::remove:
      client.out += reply_frame(found != table_.end(), {});
      if (found != table_.end()) table_.erase(found);
      return;
  }
  client.gone = true;  // not our language
}

void StoreServer::changed(const std::string& key) {
  const auto found = table_.find(key);
  if (found == table_.end()) return;
  for (Client& client : clients_) {
    if (!client.waiting || client.awaited != key) continue;
    client.waiting = false;
    client.out += reply_frame(true, found->second);
    flush(client);
  }
}

void StoreServer::flush(Client& client) {
  while (!client.out.empty() && !client.gone) {
    const ssize_t count = ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) client.gone = true;
      return;
    }
    client.out.erase(0, static_cast<std::size_t>(count));
  }
}

}  // namespace muster::comm

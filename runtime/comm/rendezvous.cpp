#include "runtime/comm/rendezvous.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/comm/store_client.h"
#include "runtime/comm/store_server.h"

namespace muster::comm {
namespace {

/// Rank 0's store: the server and its own client.
class HostedStore final : public Store {
 public:
  HostedStore(base::Descriptor listener, const RendezvousOptions& options, int port)
      : server_(std::move(listener), options.key), client_(options.address, port, options.key, options.timeout_s) {}
  void set(const std::string& key, const std::string& value) override { client_.set(key, value); }
  std::string get(const std::string& key, double limit_s) override { return client_.get(key, limit_s); }
  std::optional<std::string> wait_for(const std::string& key, double limit_s) override {
    return client_.wait_for(key, limit_s);
  }
  std::optional<std::string> find(const std::string& key) override { return client_.find(key); }
  std::int64_t add(const std::string& key, std::int64_t delta) override { return client_.add(key, delta); }
  void append(const std::string& key, const std::string& value) override { client_.append(key, value); }
  std::string compare_set(const std::string& key, const std::string& expected, const std::string& desired) override {
    return client_.compare_set(key, expected, desired);
  }
  bool remove(const std::string& key) override { return client_.remove(key); }

 private:
  StoreServer server_;
  StoreClient client_;
};

base::Descriptor listen_on(const std::string& address, int port) {
  const std::string where = base::text(address, ":", port);
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (const int code = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0)
    throw Error::cluster({.what = base::text("rank 0 cannot resolve its own address: ", ::gai_strerror(code)),
                          .where = where,
                          .fix = "the placement file names the address of each node"});
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    base::Descriptor socket(
        ::socket(entry->ai_family, entry->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, entry->ai_protocol));
    const int one = 1;
    if (socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        ::bind(socket.get(), entry->ai_addr, entry->ai_addrlen) == 0 && ::listen(socket.get(), 1024) == 0)
      return socket;
    error = errno;
  }
  if (error == EADDRINUSE)
    throw Error::cluster(
        {.what = base::text("port ", port, " is taken on rank 0's node"),
         .where = where,
         .fix = "another run or program holds it: end that one, or start this attempt on another port"});
  throw Error::cluster({.what = base::text("rank 0 cannot listen: ", std::strerror(error)),
                        .where = where,
                        .fix = "the address in the placement file must be one of rank 0's own node"});
}

int port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

}  // namespace

std::shared_ptr<Store> join_rendezvous(const RendezvousOptions& options) {
  INVARIANT(!options.key.empty(), "an attempt has a key");
  if (options.rank != 0)
    return std::make_shared<StoreClient>(options.address, options.port, options.key, options.timeout_s);
  base::Descriptor listener =
      options.listening_fd >= 0 ? base::Descriptor(options.listening_fd) : listen_on(options.address, options.port);
  ::fcntl(listener.get(), F_SETFL, ::fcntl(listener.get(), F_GETFL) | O_NONBLOCK);
  const int port = port_of(listener.get());
  return std::make_shared<HostedStore>(std::move(listener), options, port);
}

std::string read_attempt_key(const std::filesystem::path& path) {
  struct stat state {};
  if (::stat(path.c_str(), &state) != 0)
    throw Error::user({.what = base::text("the attempt's key file cannot be read: ", std::strerror(errno)),
                       .where = path.string(),
                       .fix = "the starter of the attempt writes it; start the run again"});
  if ((state.st_mode & 0077) != 0 || state.st_uid != ::geteuid())
    throw Error::user({.what = "the attempt's key file can be read by others",
                       .where = path.string(),
                       .fix = base::text("chmod 600 ", path.string(), ", and it must belong to you")});
  std::string key = base::trim(base::read_file(path));
  if (key.size() < 16)
    throw Error::user({.what = base::text("the attempt's key has ", key.size(), " characters, at least 16 are needed"),
                       .where = path.string(),
                       .fix = "the starter of the attempt writes it; start the run again"});
  return key;
}

}  // namespace muster::comm

#include "runtime/base/port.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <sstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace {

constexpr std::int64_t kFirstPort = 15000;
constexpr int kPortTries = 200;

}  // namespace

std::int64_t choose_port(const std::string& attempt_id, std::int64_t ephemeral_begin,
                         const std::function<bool(std::int64_t)>& is_free) {
  const std::int64_t first = std::min(kFirstPort, ephemeral_begin / 2);
  const std::int64_t span = std::max<std::int64_t>(1, ephemeral_begin - first);
  std::uint64_t hash = hash_bytes(attempt_id.data(), attempt_id.size());
  for (int i = 0; i < kPortTries; ++i, hash = mix64(hash + 1)) {
    const std::int64_t port = first + static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(span));
    if (is_free(port)) return port;
  }
  throw Error::cluster({.what = text(kPortTries, " ports between ", first, " and ", ephemeral_begin, " are taken"),
                        .fix = "look what listens there: ss -ltn"});
}

bool port_is_free(std::int64_t port) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         ::listen(socket.get(), 1) == 0;
}

std::int64_t ephemeral_begin() {
  std::int64_t begin = 0;
  try {
    std::istringstream(read_file("/proc/sys/net/ipv4/ip_local_port_range")) >> begin;
  } catch (const Error&) {
    begin = 0;  // not told: the kernel's usual value below
  }
  return begin > 2048 ? begin : 32768;
}

}  // namespace muster::base

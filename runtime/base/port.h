// A TCP port on which rank 0 of a run will listen.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace muster::base {

/// A port below the ephemeral range that follows from `attempt_id`: the first of its sequence that `is_free` accepts.
/// throws: Error::cluster when 200 in a row are taken.
std::int64_t choose_port(const std::string& attempt_id, std::int64_t ephemeral_begin,
                         const std::function<bool(std::int64_t)>& is_free);
/// Could a listener on this machine take it now?
bool port_is_free(std::int64_t port);
/// First port of /proc/sys/net/ipv4/ip_local_port_range, or 32768.
std::int64_t ephemeral_begin();

}  // namespace muster::base

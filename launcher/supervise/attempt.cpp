#include "launcher/supervise/attempt.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"

namespace muster::supervise {
namespace {

constexpr std::int64_t kFirstPort = 15000;
constexpr int kPortTries = 200;

// mkdir decides between two attempts that begin at once: a number that exists is another's.
std::int64_t make_attempt_folder(const spec::RunPaths& paths, std::int64_t number) {
  while (true) {
    std::error_code code;
    if (std::filesystem::create_directory(paths.attempt(number), code)) return number;
    if (code)
      throw Error::user({.what = "cannot make the folder: " + code.message(),
                         .where = paths.attempt(number).string(),
                         .fix = "choose a run folder that you may write"});
    ++number;
  }
}

void raise_epoch(const spec::RunPaths& paths, const spec::Epoch& epoch) {
  base::write_file(paths.epoch(), spec::epoch_text(epoch));
  const auto now = spec::current_epoch(paths.folder);
  if (!now || now->id != epoch.id)
    throw Error::user({.what = "another attempt of this run began at the same moment",
                       .where = paths.folder.string(),
                       .fix = "look with `muster status`"});
}

}  // namespace

bool is_alive_here(const spec::Epoch& epoch) {
  if (epoch.host != spec::this_host() || epoch.boot_id != spec::this_boot_id() || epoch.pid <= 1 ||
      epoch.pid == ::getpid())
    return false;
  if (::kill(static_cast<pid_t>(epoch.pid), 0) != 0) return false;
  try {
    return base::read_file(base::text("/proc/", epoch.pid, "/cmdline")).find("muster") != std::string::npos;
  } catch (const Error&) {
    return false;  // it ended just now
  }
}

Attempt begin_attempt(const spec::Plan& plan, const std::vector<spec::NodePlace>& nodes) {
  Attempt attempt{.paths = {plan.run_folder}};
  const auto before = spec::current_epoch(plan.run_folder);
  if (before && is_alive_here(*before))
    throw Error::user(
        {.what = base::text("attempt ", before->attempt, " of this run is going on here (process ", before->pid, ")"),
         .where = plan.run_folder.string(),
         .fix = "end it first (muster cancel), or choose another --run-dir"});
  spec::Placement& placement = attempt.placement;
  placement.attempt_id = base::random_hex(8);
  placement.attempt = make_attempt_folder(attempt.paths, before ? before->attempt + 1 : 0);
  raise_epoch(attempt.paths, {.attempt = placement.attempt,
                              .id = placement.attempt_id,
                              .host = spec::this_host(),
                              .boot_id = spec::this_boot_id(),
                              .pid = ::getpid()});
  placement.nodes = nodes;
  placement.key_file = attempt.paths.attempt(placement.attempt) / "key";
  base::write_file(placement.key_file, base::random_hex(32) + "\n", 0600);
  const std::int64_t first_slot = plan.ranks.at(0).node_slot;
  const bool is_here = nodes.at(static_cast<std::size_t>(first_slot)).host == spec::this_host();
  placement.port = choose_port(placement.attempt_id, ephemeral_begin(),
                               [&](std::int64_t port) { return !is_here || port_is_free(port); });
  base::write_file(attempt.paths.placement(placement.attempt), spec::placement_text(placement));
  return attempt;
}

std::string beginning_text(const spec::Plan& plan) {
  if (plan.job.checkpoint.every == 0) return "begins again at step 1: no checkpoints are written";
  const std::vector<std::int64_t> steps = spec::complete_checkpoints({plan.run_folder});
  return steps.empty() ? "begins again at step 1: there is no checkpoint yet"
                       : base::text("goes on after step ", steps.back());
}

void end_attempt(const Attempt& attempt) noexcept {
  std::error_code ignored;
  std::filesystem::remove(attempt.placement.key_file, ignored);
}

std::int64_t choose_port(const std::string& attempt_id, std::int64_t ephemeral_begin,
                         const std::function<bool(std::int64_t)>& is_free) {
  const std::int64_t first = std::min(kFirstPort, ephemeral_begin / 2);
  const std::int64_t span = std::max<std::int64_t>(1, ephemeral_begin - first);
  std::uint64_t hash = base::hash_bytes(attempt_id.data(), attempt_id.size());
  for (int i = 0; i < kPortTries; ++i, hash = base::mix64(hash + 1)) {
    const std::int64_t port = first + static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(span));
    if (is_free(port)) return port;
  }
  throw Error::cluster(
      {.what = base::text(kPortTries, " ports between ", first, " and ", ephemeral_begin, " are taken"),
       .fix = "look what listens there: ss -ltn"});
}

bool port_is_free(std::int64_t port) {
  const base::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
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
    std::istringstream(base::read_file("/proc/sys/net/ipv4/ip_local_port_range")) >> begin;
  } catch (const Error&) {
    begin = 0;  // not told: the kernel's usual value below
  }
  return begin > 2048 ? begin : 32768;
}

}  // namespace muster::supervise

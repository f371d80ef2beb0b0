#include "launcher/supervise/nodes.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <memory>

#include "launcher/slurm/host_list.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::supervise {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text() const {
    char name[NI_MAXHOST] = {};
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, name, sizeof name, nullptr, 0, NI_NUMERICHOST);
    return name;
  }
  bool is_loopback() const {
    if (storage.ss_family == AF_INET)
      return (ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr);
  }
};

std::vector<Address> resolve(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(name.c_str(), "9", &hints, &list); code != 0)
    throw Error::cluster({.what = base::text("the node name '", name, "' does not resolve: ", ::gai_strerror(code)),
                          .fix = "nodes must reach each other by Slurm's NodeAddr"});
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Address address;
    address.size = entry->ai_addrlen;
    std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(&address.storage));
    addresses.push_back(address);
  }
  return addresses;
}

// The own address of the route to `target`; nothing is sent.
std::string source_address(const Address& target) {
  const base::Descriptor socket(::socket(target.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Address own;
  own.size = sizeof own.storage;
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&target.storage), target.size) != 0) return "";
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) return "";
  return own.text();
}

bool is_literal(const std::string& name) {
  in6_addr room{};
  return ::inet_pton(AF_INET, name.c_str(), &room) == 1 || ::inet_pton(AF_INET6, name.c_str(), &room) == 1;
}

Nodes all_here(const spec::Plan& plan) {
  Nodes nodes;
  for (std::int64_t slot = 0; slot < working_nodes(plan); ++slot)
    nodes.places.push_back({.slot = slot, .host = spec::this_host(), .address = "127.0.0.1"});
  return nodes;
}

/// The block of each host; "" where none has it.
std::vector<std::string> block_names(const std::vector<std::string>& hosts,
                                     const std::vector<slurm::BlockFacts>& blocks) {
  std::map<std::string, std::string> names;
  for (const slurm::BlockFacts& block : blocks)
    for (const std::string& host : slurm::expand_hosts(block.nodes)) names[host] = block.name;
  std::vector<std::string> list;
  for (const std::string& host : hosts) list.push_back(names[host]);
  return list;
}

/// The first segment whose hosts are not in one block, as a sentence.
std::string cut_segment(const std::vector<std::string>& hosts, const std::vector<slurm::BlockFacts>& blocks,
                        std::int64_t segment) {
  const std::vector<std::string> names = block_names(hosts, blocks);
  for (std::size_t slot = 0; slot < hosts.size(); ++slot) {
    const std::size_t first = slot / static_cast<std::size_t>(segment) * static_cast<std::size_t>(segment);
    if (names[slot] == names[first] && !names[slot].empty()) continue;
    return base::text("the plan counts on ", segment, " nodes in one NVLink domain from slot ", first, " on, but ",
                      hosts[first], " is in block '", names[first], "' and ", hosts[slot], " in '", names[slot],
                      "': groups will use the network instead");
  }
  return "";
}

}  // namespace

std::int64_t working_nodes(const spec::Plan& plan) {
  std::int64_t nodes = 0;
  for (const spec::RankPlan& rank : plan.ranks) nodes = std::max(nodes, rank.node_slot + 1);
  return nodes;
}

std::string address_of(const std::string& name, const std::string& other) {
  if (is_literal(name)) return name;
  const std::vector<Address> addresses = resolve(name);
  for (const Address& address : addresses)
    if (!address.is_loopback()) return address.text();
  if (!other.empty() && other != name)
    for (const Address& target : resolve(other))
      if (!target.is_loopback())
        if (const std::string own = source_address(target); !own.empty()) return own;
  return addresses.at(0).text();
}

std::vector<std::string> by_segments(const std::vector<std::string>& hosts,
                                     const std::vector<slurm::BlockFacts>& blocks, std::int64_t segment) {
  const std::vector<std::string> names = block_names(hosts, blocks);
  std::vector<std::string> order;  // of blocks, as their first hosts come
  std::map<std::string, std::vector<std::string>> members;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (members[names[i]].empty()) order.push_back(names[i]);
    members[names[i]].push_back(hosts[i]);
  }
  std::vector<std::string> sorted, left;
  for (const std::string& name : order) {
    const std::vector<std::string>& list = members[name];
    const auto whole = static_cast<std::ptrdiff_t>(name.empty() ? 0 : std::ssize(list) / segment * segment);
    sorted.insert(sorted.end(), list.begin(), list.begin() + whole);
    left.insert(left.end(), list.begin() + whole, list.end());
  }
  sorted.insert(sorted.end(), left.begin(), left.end());
  return sorted;
}

Nodes decide_nodes(const spec::Plan& plan, const std::optional<spec::SlurmEnv>& slurm, slurm::Queries& queries,
                   const std::vector<std::string>& left_out) {
  if (!slurm) return all_here(plan);
  std::vector<std::string> hosts = slurm::expand_hosts(slurm->node_list);
  std::erase_if(hosts, [&](const std::string& host) {
    return std::find(left_out.begin(), left_out.end(), host) != left_out.end();
  });
  const bool is_here_alone = hosts.size() == 1 && (slurm->node_name == hosts[0] || spec::this_host() == hosts[0]);
  if (is_here_alone && working_nodes(plan) > 1 && plan.device == "cpu") return all_here(plan);
  if (std::ssize(hosts) < working_nodes(plan))
    throw Error::cluster({.what = base::text("the plan needs ", working_nodes(plan), " nodes, but allocation ",
                                             slurm->job_id, " has ", hosts.size(), ": ", slurm->node_list),
                          .fix = "ask for more nodes, or plan the job smaller"});
  Nodes nodes{.by_srun = true};
  const std::vector<slurm::BlockFacts> blocks =
      plan.segment_nodes > 0 ? queries.blocks() : std::vector<slurm::BlockFacts>{};
  if (plan.segment_nodes > 0) hosts = by_segments(hosts, blocks, plan.segment_nodes);
  hosts.resize(static_cast<std::size_t>(working_nodes(plan)));
  if (plan.segment_nodes > 0) nodes.warning = cut_segment(hosts, blocks, plan.segment_nodes);
  const std::vector<slurm::NodeFacts> facts = queries.nodes(hosts);
  for (std::size_t slot = 0; slot < hosts.size(); ++slot) {
    const auto found = std::find_if(facts.begin(), facts.end(),
                                    [&](const slurm::NodeFacts& node) { return node.name == hosts[slot]; });
    const std::string other = facts[hosts[0] == facts[0].name && facts.size() > 1 ? 1 : 0].address;
    const std::string name = found == facts.end() || found->address.empty() ? hosts[slot] : found->address;
    nodes.places.push_back(
        {.slot = static_cast<std::int64_t>(slot), .host = hosts[slot], .address = address_of(name, other)});
  }
  return nodes;
}

}  // namespace muster::supervise

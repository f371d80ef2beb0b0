// Why a rank was killed by a signal that nobody here sent: what the kernel counts of its out-of-memory killer, and the
// memory figures beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace muster::node {

/// Processes that the kernel has killed because memory ran out; none where the system does not tell.
struct OomKills {
  std::optional<std::int64_t> in_job;   // in the control group of this process: its limit, or the node's memory
  std::optional<std::int64_t> on_node;  // since boot
};
/// `root` is /, or a recorded tree in tests.
OomKills read_oom_kills(const std::filesystem::path& root = "/");

/// Of the node, in bytes; 0 where the system does not tell.
struct NodeMemory {
  std::int64_t total_bytes = 0, available_bytes = 0;
};
NodeMemory read_memory(const std::filesystem::path& root = "/");

/// What is known of a rank that SIGKILL ended from outside: "out of memory: ...", or that it was not that, or that it
/// often is; always with its largest resident memory.
std::string killed_text(std::int64_t peak_bytes, const OomKills& before, const OomKills& now, const NodeMemory& memory);

}  // namespace muster::node

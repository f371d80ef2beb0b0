// The text of `scontrol --oneliner show ...`: one record a line, Key=Value, values may hold blanks. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "launcher/slurm/queries.h"

namespace muster::slurm {

using Record = std::map<std::string, std::string>;

Record parse_record(const std::string& line);
std::vector<PartitionFacts> parse_partitions(const std::string& text);
std::vector<NodeFacts> parse_nodes(const std::string& text);
/// One node for each of `names`, in their order. throws: Error::cluster for a name that is not there.
std::vector<NodeFacts> in_order(const std::vector<NodeFacts>& nodes, const std::vector<std::string>& names);
/// `scontrol show topology`: one for each block; lines of several blocks together are left out.
std::vector<BlockFacts> parse_blocks(const std::string& text);
JobFacts parse_job(const std::string& line);

/// What `scontrol show topology` says: libslurm's own call fails on topology/block in some releases. throws:
/// Error::cluster when it does not answer.
std::vector<BlockFacts> shown_blocks();

/// "2-03:04:05", "03:04:05", "05:30", "90" (minutes), "UNLIMITED" -> seconds. throws: Error::cluster.
std::int64_t parse_duration(const std::string& text);
/// 7384 -> "2:03:04", as sbatch takes it.
std::string duration_text(std::int64_t seconds);
/// "2026-11-23T20:31:07" in local time -> Unix time; 0 for "Unknown" and "N/A".
std::int64_t parse_time(const std::string& text);

}  // namespace muster::slurm

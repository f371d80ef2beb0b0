// Slurm's compressed lists of host names: node[0-3,07],gpu-a. Pure text.
#pragma once

#include <string>
#include <vector>

namespace muster::slurm {

/// "n[08-10],x" -> n08 n09 n10 x, in the order written. throws: Error::cluster when it is not such a list.
std::vector<std::string> expand_hosts(const std::string& list);
/// The shortest list that expands to `hosts` in this order: runs of one prefix and width are joined.
std::string compress_hosts(const std::vector<std::string>& hosts);

}  // namespace muster::slurm

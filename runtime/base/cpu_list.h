// Lists of CPUs as the kernel, taskset and Slurm write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::base {

/// "0-2,7" -> 0 1 2 7; "0-6:2" -> 0 2 4 6. None when it is no such list, or a number is above 65535.
std::optional<std::vector<int>> parse_cpu_list(std::string_view list);
/// 0 1 2 7 -> "0-2,7".
std::string cpu_list_text(const std::vector<int>& cpus);

}  // namespace muster::base

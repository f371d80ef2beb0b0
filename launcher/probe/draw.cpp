#include "launcher/probe/draw.h"

#include <algorithm>
#include <vector>

#include "runtime/base/columns.h"
#include "runtime/base/cpu_list.h"
#include "runtime/base/text.h"

namespace muster::probe {
using base::text;

namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kCell = 22;           // one rank
constexpr std::size_t kInRow = 4;           // ranks beside each other
constexpr std::size_t kInner = kWidth - 8;  // between the walls of a memory node

/// As wide as said, also when the word is wider.
std::string cell(const std::string& word, std::size_t width) {
  return word.size() <= width ? base::left(word, width) : word.substr(0, width - 2) + "..";
}

std::string rule(const std::string& title, std::size_t width) {
  const std::string shown = title.size() > width - 6 ? title.substr(0, width - 8) + ".." : title;
  return "+- " + shown + " " + std::string(width - shown.size() - 5, '-') + "+";
}

/// Boxes in boxes, a line at a time.
class Drawing {
 public:
  explicit Drawing(const cluster::Cluster& cluster) : cluster_(cluster) {
    places_ = cluster::affinities(cluster.numa, cluster.ranks_per_node, cluster.device == "cuda");
  }

  std::string make() {
    for (std::size_t first = 0; first < cluster_.numa.size();) {
      std::size_t last = first;
      while (last < cluster_.numa.size() && cluster_.numa[last].socket == cluster_.numa[first].socket) ++last;
      page_ += rule(text("socket ", cluster_.numa[first].socket), kWidth) + "\n";
      for (std::size_t i = first; i < last; ++i) memory_node(cluster_.numa[i]);
      page_ += "+" + std::string(kWidth - 2, '-') + "+\n";
      first = last;
    }
    return page_;
  }

 private:
  void line(const std::string& content) { page_ += "| " + cell(content, kWidth - 4) + " |\n"; }
  void inner(const std::string& content) { line("| " + cell(content, kInner) + " |"); }

  void memory_node(const cluster::NumaNode& numa) {
    base::Faults none;
    const std::size_t cores = cluster::parse_cpus(numa.cpus.at(0), "", none).size();
    line(rule(text("memory node ", numa.node, ": ", cores, " cores x ", numa.cpus.size(),
                   numa.cpus.size() == 1 ? " thread, CPUs " : " threads, CPUs ", base::join(numa.cpus, " ")),
              kInner + 4));
    std::vector<std::size_t> ranks;
    for (std::size_t rank = 0; rank < places_.size(); ++rank)
      if (places_[rank].memory_node == numa.node) ranks.push_back(rank);
    for (std::size_t first = 0; first < ranks.size(); first += kInRow)
      row({ranks.begin() + static_cast<std::ptrdiff_t>(first),
           ranks.begin() + static_cast<std::ptrdiff_t>(std::min(first + kInRow, ranks.size()))});
    if (ranks.empty()) inner("no rank");
    line("+" + std::string(kInner + 2, '-') + "+");
  }

  void row(const std::vector<std::size_t>& ranks) {
    const auto cells = [&](const auto& content_of) {
      std::string content;
      for (const std::size_t rank : ranks) content += cell(content_of(rank), kCell);
      if (base::trim(content) != "") inner(content);
    };
    const bool has_gpus = cluster_.device == "cuda";
    cells([](std::size_t rank) { return text("rank ", rank); });
    cells([&](std::size_t rank) { return has_gpus ? text("GPU ", rank, " ", cluster_.gpu.kind) : std::string(); });
    cells([&](std::size_t rank) { return places_[rank].adapter; });
    std::vector<std::vector<std::string>> parts;  // of each rank's list of CPUs
    std::size_t most = 0;
    for (const std::size_t rank : ranks) {
      parts.push_back(base::split(base::cpu_list_text(places_[rank].cpus), ','));
      most = std::max(most, parts.back().size());
    }
    constexpr std::size_t kMostLines = 4;
    for (std::size_t i = 0; i < std::min(most, kMostLines); ++i) {
      std::size_t column = 0;
      cells([&](std::size_t) {
        const auto& list = parts[column++];
        if (i >= list.size()) return std::string();
        const bool is_cut = i + 1 == kMostLines && list.size() > kMostLines;
        return (i == 0 ? "CPUs " : "     ") + list[i] + (is_cut ? ",..." : "");
      });
    }
  }

  const cluster::Cluster& cluster_;
  std::vector<cluster::Affinity> places_;
  std::string page_;
};

std::string head(const cluster::Cluster& cluster) {
  const bool has_gpus = cluster.device == "cuda";
  std::string page = text(cluster.name, ": ", cluster.nodes, " nodes, ", cluster.ranks_per_node,
                          cluster.ranks_per_node == 1 ? " rank a node on " : " ranks a node on ", cluster.device);
  if (cluster.host_memory_gb > 0) page += text(", ", cluster.host_memory_gb, " GB of host memory");
  page += "\n";
  if (!has_gpus) return page;
  const cluster::GpuFacts& gpu = cluster.gpu;
  page += text("GPU      ", gpu.kind, ": ", gpu.memory_gb, " GB at ", gpu.memory_gb_per_s,
               " GB/s\n         dense TFLOP/s: ", gpu.bf16_tflops, " BF16, ", gpu.fp8_tflops, " FP8",
               gpu.fp4_tflops > 0 ? text(", ", gpu.fp4_tflops, " FP4") : "", ", ", gpu.fp32_tflops, " FP32\n");
  page += text("NVLink   ", cluster.nvlink.gb_per_s, " GB/s a GPU; a domain is ", cluster.nvlink.domain_nodes,
               cluster.nvlink.domain_nodes == 1 ? " node, " : " nodes, ",
               cluster.nvlink.domain_nodes * cluster.ranks_per_node, " GPUs\n");
  const std::vector<std::string> adapters = cluster::adapters_of(cluster.numa);
  page += text("network  ", adapters.size(), " adapters of ", cluster.network.adapter_gbit_per_s,
               " Gbit/s a node, each the nearest of its ranks\n");
  return page;
}

}  // namespace

std::string node_page(const cluster::Cluster& cluster) {
  if (cluster.numa.empty())
    return head(cluster) + "\nThe file has no map of a node ([[numa]]): ranks are not bound to cores.\n";
  return head(cluster) + "\n" + Drawing(cluster).make();
}

}  // namespace muster::probe

#include "launcher/probe/cluster_verb.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "launcher/cli/shared_flags.h"
#include "launcher/probe/diff.h"
#include "launcher/probe/draw.h"
#include "launcher/probe/slurm_probe.h"
#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::probe {
namespace fs = std::filesystem;
using base::text;

namespace {

void print(const std::string& page) { std::fwrite(page.data(), 1, page.size(), stdout); }

std::string this_host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  const std::string host = name.data();
  return host.substr(0, host.find('.'));
}

ProbeRequest request_for(const std::string& partition) {
  ProbeRequest request{.partition = partition, .host = this_host()};
  const fs::path folder = cluster::shipped_folder("clusters");
  for (const std::string& name : cluster::names_in(folder)) {
    cluster::Cluster known = cluster::read_cluster(name, folder);
    if (known.device == "cuda") request.known.push_back(std::move(known));
  }
  return request;
}

int probe(const ClusterOptions& options, slurm::Queries& queries) {
  Probed probed = probe_cluster(queries, request_for(options.user_settings.partition));
  std::vector<std::string> lines{
      text("Written by `muster cluster probe` on ", this_host(), ", ", base::wall_clock_text(), ".")};
  lines.insert(lines.end(), probed.notes.begin(), probed.notes.end());
  const std::string page = cluster::cluster_text(probed.cluster, lines);
  if (options.output.empty()) return print(page), 0;
  if (fs::exists(options.output))
    throw Error::user({.what = "the file is there already",
                       .where = options.output.string(),
                       .fix = text("another --output; `muster cluster diff ", options.output.string(),
                                   "` compares it with the cluster")});
  base::write_file(options.output, page);
  for (const std::string& line : probed.notes) print(line + "\n");
  print(text("written: ", options.output.string(), "   muster cluster show ", options.output.string(), "\n"));
  return 0;
}

cluster::Cluster named_cluster(const ClusterOptions& options, const std::string& action) {
  if (options.words.size() != 2)
    throw Error::user({.what = text("muster cluster ", action, " needs a cluster"),
                       .where = "",
                       .fix = text("muster cluster ", action, " FILE, or the name of a shipped one")});
  return cluster::read_cluster(options.words[1], cluster::shipped_folder("clusters"));
}

int diff(const ClusterOptions& options, slurm::Queries& queries) {
  const cluster::Cluster file = named_cluster(options, "diff");
  const std::string& asked = options.user_settings.partition;
  const Probed live = probe_cluster(queries, request_for(asked.empty() ? file.slurm.partition : asked));
  const std::vector<Difference> list = differences(file, live);
  print(diff_page(list, file, live));
  return list.empty() ? 0 : 1;
}

}  // namespace

int run_cluster(const ClusterOptions& options, slurm::Queries& queries) {
  const std::string action = options.words.empty() ? "" : options.words[0];
  if (action == "show") return print(node_page(named_cluster(options, action))), 0;
  if (action == "diff") return diff(options, queries);
  if (action == "probe" && options.words.size() == 1) return probe(options, queries);
  throw Error::user(
      {.what = text("muster cluster does not know what to do with \"", base::join(options.words, " "), "\""),
       .where = "",
       .fix = "muster cluster show FILE | probe [--partition P] [--output FILE] | diff FILE"});
}

cli::Verb cluster_verb() {
  return cli::make_verb<ClusterOptions>(
      {.name = "cluster",
       .usage = "show FILE | probe [--partition P] [--output FILE] | diff FILE",
       .summary = "a cluster file: draw a node, write one from the live Slurm, compare the two",
       .example = "muster cluster show dgx-h100",
       .max_words = 2},
      [](cli::Flags& flags, ClusterOptions& options) {
        cli::add_partition_flag(flags, options.user_settings);
        flags.add("output", "FILE", "write this file instead of printing", options.output);
      },
      [](const ClusterOptions& options) { return run_cluster(options, *slurm::make_queries()); });
}

}  // namespace muster::probe

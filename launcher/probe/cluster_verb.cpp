#include "launcher/probe/cluster_verb.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

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

int probe(const cli::Options& typed, slurm::Queries& queries) {
  Probed probed = probe_cluster(queries, request_for(typed.wishes.partition));
  std::vector<std::string> lines{
      text("Written by `muster cluster probe` on ", this_host(), ", ", base::wall_clock_text(), ".")};
  lines.insert(lines.end(), probed.notes.begin(), probed.notes.end());
  const std::string page = cluster::cluster_text(probed.cluster, lines);
  if (typed.output.empty()) return print(page), 0;
  if (fs::exists(typed.output))
    throw Error::user({.what = "the file is there already",
                       .where = typed.output.string(),
                       .fix = text("another --output; `muster cluster diff ", typed.output.string(),
                                   "` compares it with the cluster")});
  base::write_file(typed.output, page);
  for (const std::string& line : probed.notes) print(line + "\n");
  print(text("written: ", typed.output.string(), "   muster cluster show ", typed.output.string(), "\n"));
  return 0;
}

cluster::Cluster named_cluster(const cli::Options& typed, const std::string& action) {
  if (typed.words.size() != 2)
    throw Error::user({.what = text("muster cluster ", action, " needs a cluster"),
                       .where = "",
                       .fix = text("muster cluster ", action, " FILE, or the name of a shipped one")});
  return cluster::read_cluster(typed.words[1], cluster::shipped_folder("clusters"));
}

int diff(const cli::Options& typed, slurm::Queries& queries) {
  const cluster::Cluster file = named_cluster(typed, "diff");
  const std::string& asked = typed.wishes.partition;
  const Probed live = probe_cluster(queries, request_for(asked.empty() ? file.slurm.partition : asked));
  const std::vector<Difference> list = differences(file, live);
  print(diff_page(list, file, live));
  return list.empty() ? 0 : 1;
}

}  // namespace

int cluster_verb(const cli::Options& typed, slurm::Queries& queries) {
  const std::string action = typed.words.empty() ? "" : typed.words[0];
  if (action == "show") return print(node_page(named_cluster(typed, action))), 0;
  if (action == "diff") return diff(typed, queries);
  if (action == "probe" && typed.words.size() == 1) return probe(typed, queries);
  throw Error::user(
      {.what = text("muster cluster does not know what to do with \"", base::join(typed.words, " "), "\""),
       .where = "",
       .fix = "muster cluster show FILE | probe [--partition P] [--output FILE] | diff FILE"});
}

int cluster_verb(const cli::Options& typed) { return cluster_verb(typed, *slurm::make_queries()); }

}  // namespace muster::probe

// The agent's side of `muster stacks`: it answers the questions that lie in the folder of the attempt, and writes where
// its ranks stand when one falls silent (spec/stacks.h says how the files look).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/node/rank_process.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/stacks.h"

namespace muster::node {

class StackResponder {
 public:
  StackResponder(spec::RunPaths paths, std::int64_t attempt, std::int64_t slot, std::string host)
      : paths_(std::move(paths)), attempt_(attempt), slot_(slot), host_(std::move(host)) {}

  /// How long since a rank's last sign of progress.
  using SecondsSinceProgress = std::function<double(std::int64_t rank)>;
  /// Answers a new question, should there be one: reads one small file, at most once a second.
  void poll(std::vector<RankProcess>& ranks, const SecondsSinceProgress& still_s);
  /// Writes the ranks' stacks, without having been asked, for `reason`. The file; "" when it cannot be written. Waits a
  /// second for their answers at most.
  std::filesystem::path take(std::vector<RankProcess>& ranks, const SecondsSinceProgress& still_s,
                             const std::string& reason);

 private:
  spec::RunPaths paths_;
  std::int64_t attempt_, slot_;
  std::string host_;
  std::int64_t answered_ = 0;
  double looked_s_ = 0;
};

}  // namespace muster::node

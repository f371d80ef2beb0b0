// The flat parts of all ranks put together: each rank's file holds its part of every bucket, buckets lie over the flat
// buffer, and the boxes of parameters lie in that.
#include "runtime/verbs/export.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/model/save_folder.h"
#include "runtime/spec/checkpoint.h"
#include "runtime/train/buckets.h"
#include "runtime/weights/safetensors.h"
#include "runtime/weights/shard_store.h"

namespace muster::verbs {
namespace fs = std::filesystem;
using base::text;

namespace {

/// Pieces of one parameter by the box that they fill, fp32 and flat. Replicas fill the same box.
using Pieces = std::vector<std::pair<spec::Box, at::Tensor>>;

at::Tensor& piece_of(Pieces& pieces, const weights::Shard& shard) {
  const auto found =
      std::find_if(pieces.begin(), pieces.end(), [&](const auto& piece) { return piece.first == shard.box; });
  if (found != pieces.end()) return found->second;
  return pieces.emplace_back(shard.box, at::empty({shard.numel}, at::kFloat)).second;
}

class Gathering {
 public:
  Gathering(const spec::Plan& plan, std::int64_t step)
      : plan_(plan), folder_(spec::checkpoint_folder({plan.run_folder}, step)) {
    for (std::int64_t rank = 0; rank < plan.train.ranks(); ++rank) take(rank);
  }

  /// Every parameter whole, in the order of spec::parameters_of.
  std::vector<std::pair<std::string, at::Tensor>> tensors(at::ScalarType type) {
    std::vector<std::pair<std::string, at::Tensor>> list;
    for (const spec::Parameter& parameter : spec::parameters_of(plan_.model)) {
      at::Tensor whole = at::empty(parameter.shape, at::TensorOptions().dtype(type));
      std::int64_t filled = 0;
      for (const auto& [box, flat] : pieces_[parameter.name]) {
        at::Tensor part = whole;
        for (std::size_t dim = 0; dim < box.ranges.size(); ++dim)
          part = part.narrow(static_cast<std::int64_t>(dim), box.ranges[dim].begin, box.ranges[dim].size());
        part.copy_(flat.view(box.shape()));
        filled += box.numel();
      }
      INVARIANT(filled == whole.numel(), "the boxes of all ranks are the parameter, each element once");
      pieces_.erase(parameter.name);
      list.emplace_back(parameter.name, std::move(whole));
    }
    return list;
  }

 private:
  void take(std::int64_t rank) {
    const spec::Coordinates place = spec::place_of(plan_.train, rank);
    // No values: it says where the boxes lie.
    const weights::ShardStore store(weights::shards_of(plan_.model, plan_.train, place),
                                    weights::scalar_type_of(plan_.job.model.dtype), at::kMeta,
                                    spec::replica_multiple(plan_.model, plan_.train));
    const std::vector<train::Bucket> buckets =
        train::buckets_of(plan_.model, store, plan_.train, place, plan_.job.train.bucket_params);
    const weights::SafetensorsFile file(folder_ / spec::checkpoint_file_name(rank));
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      const std::string own = text("main_weights.", b);
      const bool is_alone = file.entries().contains(own);
      for (const weights::Shard& shard : store.shards()) {
        const spec::Range part{std::max(shard.offset, buckets[b].own.begin),
                               std::min(shard.offset + shard.numel, buckets[b].own.end)};
        if (part.begin >= part.end) continue;
        const std::int64_t begin = part.begin - buckets[b].own.begin + (is_alone ? 0 : buckets[b].kept);
        piece_of(pieces_[shard.parameter.name], shard)
            .narrow(0, part.begin - shard.offset, part.size())
            .copy_(file.read(is_alone ? own : "main_weights", {.ranges = {{begin, begin + part.size()}}}));
      }
    }
  }

  const spec::Plan& plan_;
  fs::path folder_;
  std::map<std::string, Pieces> pieces_;
};

void check_whole(const spec::Plan& plan, std::int64_t step) {
  for (std::int64_t rank = 0; rank < plan.train.ranks(); ++rank) {
    const std::string fault = spec::checkpoint_fault({plan.run_folder}, plan, step, rank);
    if (!fault.empty())
      throw Error::user({.what = text("the checkpoint of step ", step, " cannot be used: ", fault),
                         .where = spec::checkpoint_folder({plan.run_folder}, step).string()});
  }
}

}  // namespace

void export_checkpoint(const spec::Plan& plan, std::int64_t step, const fs::path& folder) {
  check_whole(plan, step);
  const auto tensors = Gathering(plan, step).tensors(weights::scalar_type_of(plan.job.model.dtype));
  model::write_model_folder(tensors, plan.model, plan.job.model.path, folder, plan.job.model.dtype);
}

int export_verb(const std::vector<std::string>& words) {
  std::map<std::string, std::string> given;
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) given[words[i]] = words[i + 1];
  if (words.size() != 7 || !given.contains("--run") || !given.contains("--step") || !given.contains("--output"))
    throw Error::user({.what = "muster-runtime export --run DIR --step N --output DIR",
                       .fix = "muster export RUN[@STEP] DIR is what people use"});
  spec::Plan plan = spec::read_plan(spec::RunPaths{given["--run"]}.plan());
  plan.run_folder = given["--run"];
  export_checkpoint(plan, std::stoll(given["--step"]), given["--output"]);
  return 0;
}

}  // namespace muster::verbs

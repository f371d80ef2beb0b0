// The flat buffer of a rank's weights and the windows into it.
#include "runtime/weights/shard_store.h"

#include <ATen/ATen.h>

#include <iterator>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::weights {
namespace {

std::int64_t end_of(const std::vector<Shard>& shards) {
  return shards.empty() ? 0 : shards.back().offset + shards.back().numel;
}

std::int64_t rounded_up(std::int64_t count, std::int64_t multiple) {
  return spec::divided_up(count, multiple) * multiple;
}

std::unordered_map<std::string, std::size_t> index_of(const std::vector<Shard>& shards) {
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    INVARIANT(index.emplace(shards[i].parameter.name, i).second, "each parameter lies in a store once");
    const std::int64_t gap = i == 0 ? 0 : shards[i].offset - shards[i - 1].offset - shards[i - 1].numel;
    const bool begins_experts = i > 0 && shards[i].parameter.expert >= 0 && shards[i - 1].parameter.expert < 0;
    INVARIANT(gap == 0 || (begins_experts && gap > 0), "shards lie one after another");
  }
  return index;
}

}  // namespace

at::ScalarType scalar_type_of(spec::DataType dtype) {
  INVARIANT(dtype != spec::DataType::fp8, "weights and gradients are held in fp32 or bf16");
  return dtype == spec::DataType::bf16 ? at::kBFloat16 : at::kFloat;
}

std::vector<Shard> shards_of(const spec::ModelFacts& facts, const spec::Degrees& degrees,
                             const spec::Coordinates& place) {
  std::vector<Shard> shards, experts;
  for (auto& parameter : spec::parameters_of(facts)) {
    spec::Box box = spec::box_of(facts, parameter, degrees, place);
    const std::int64_t numel = box.numel();
    if (numel == 0) continue;
    (parameter.expert < 0 ? shards : experts)
        .push_back({.parameter = std::move(parameter), .box = std::move(box), .numel = numel});
  }
  std::int64_t offset = 0;
  const auto place_after = [&offset](std::vector<Shard>& list) {
    for (Shard& shard : list) {
      shard.offset = offset;
      offset += shard.numel;
    }
  };
  place_after(shards);
  offset = rounded_up(offset, spec::replica_multiple(facts, degrees));
  place_after(experts);
  std::move(experts.begin(), experts.end(), std::back_inserter(shards));
  return shards;
}

ShardStore::ShardStore(std::vector<Shard> shards, at::ScalarType dtype, at::Device device, std::int64_t padded_to)
    : shards_(std::move(shards)), index_(index_of(shards_)) {
  INVARIANT(padded_to >= 1, "the length is rounded up to a multiple of at least 1");
  const std::int64_t length = rounded_up(end_of(shards_), padded_to);
  flat_ = at::zeros({length}, at::TensorOptions().dtype(dtype).device(device));
}

ShardStore::ShardStore(std::vector<Shard> shards, at::Tensor flat)
    : shards_(std::move(shards)), index_(index_of(shards_)), flat_(std::move(flat)) {
  INVARIANT(flat_.dim() == 1 && flat_.is_contiguous() && flat_.numel() >= end_of(shards_),
            "a store looks into a flat buffer that holds all its shards");
}

std::int64_t ShardStore::experts_begin() const {
  for (const Shard& shard : shards_)
    if (shard.parameter.expert >= 0) return shard.offset;
  return flat_.numel();
}

const Shard& ShardStore::shard(const std::string& name) const {
  const auto found = index_.find(name);
  INVARIANT(found != index_.end(), base::text("the store holds '", name, "'"));
  return shards_[found->second];
}

at::Tensor ShardStore::view(const std::string& name) const {
  const Shard& piece = shard(name);
  return flat_.narrow(0, piece.offset, piece.numel).view(piece.box.shape());
}

at::Tensor ShardStore::fused(const std::string& first, const std::string& last) const {
  const Shard& head = shard(first);
  const Shard& tail = shard(last);
  const auto begin = static_cast<std::size_t>(&head - shards_.data()),
             end = static_cast<std::size_t>(&tail - shards_.data()) + 1;
  INVARIANT(begin < end, base::text("'", first, "' lies before '", last, "'"));
  std::vector<std::int64_t> shape = head.box.shape();
  shape[0] = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::vector<std::int64_t> piece = shards_[i].box.shape();
    INVARIANT(piece.size() == shape.size() && (shape.size() == 1 || piece[1] == shape[1]),
              base::text("'", shards_[i].parameter.name, "' has as many columns as '", first, "'"));
    shape[0] += piece[0];
  }
  return flat_.narrow(0, head.offset, tail.offset + tail.numel - head.offset).view(shape);
}

}  // namespace muster::weights

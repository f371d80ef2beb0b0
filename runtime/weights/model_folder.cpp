// Hugging Face folders: loading by slices, and random weights.
#include "runtime/weights/model_folder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/weights/safetensors.h"

namespace muster::weights {
namespace {

using base::text;
namespace fs = std::filesystem;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : shape) sizes.push_back(std::to_string(size));
  return text("[", base::join(sizes, ", "), "]");
}

/// Index of an element of the box within the global tensor, walked in the order of the box.
template <class Visit>
void visit_global(const Shard& shard, const Visit& visit) {
  const auto& shape = shard.parameter.shape;
  const spec::Range rows = shard.box.ranges[0];
  const spec::Range columns = shape.size() > 1 ? shard.box.ranges[1] : spec::Range{0, 1};
  const std::int64_t width = shape.size() > 1 ? shape[1] : 1;
  std::int64_t local = 0;
  for (std::int64_t row = rows.begin; row < rows.end; ++row)
    for (std::int64_t column = columns.begin; column < columns.end; ++column) visit(local++, row * width + column);
}

}  // namespace

void load_weights(const fs::path& folder, const spec::ModelFacts& facts, ShardStore& store) {
  for (const spec::Parameter& parameter : spec::parameters_of(facts))
    INVARIANT(!store.has(parameter.name) || store.shard(parameter.name).parameter.shape == parameter.shape,
              "the store is laid out for these facts");
  const WeightFolder files(folder);
  base::Faults faults;
  for (const Shard& shard : store.shards()) {
    const spec::Parameter& parameter = shard.parameter;
    if (!files.has(parameter.name)) {
      faults.add({.what = text("tensor '", parameter.name, "' of shape ", shape_text(parameter.shape), " is missing"),
                  .where = folder.string(),
                  .fix = "see that config.json and the safetensors files belong together"});
      continue;
    }
    const TensorEntry& entry = files.entry(parameter.name);
    if (entry.shape != parameter.shape)
      faults.add({.what = text("tensor '", parameter.name, "' has the shape ", shape_text(entry.shape),
                               ", but config.json makes it ", shape_text(parameter.shape)),
                  .where = folder.string(),
                  .fix = "see that config.json and the safetensors files belong together"});
    else if (entry.dtype != at::kFloat && entry.dtype != at::kBFloat16 && entry.dtype != at::kHalf &&
             entry.dtype != at::kDouble)
      faults.add({.what = text("tensor '", parameter.name, "' has the type ", c10::toString(entry.dtype)),
                  .where = folder.string(),
                  .fix = "Muster loads weights in fp32, bf16 and fp16: convert the folder"});
  }
  faults.throw_if_any();
  for (const Shard& shard : store.shards())
    store.view(shard.parameter.name).copy_(files.read(shard.parameter.name, shard.box));
}

namespace {

void fill_shard(const Shard& shard, std::uint64_t seed, double std, at::Tensor target) {
  const std::string& name = shard.parameter.name;
  if (name.ends_with("norm.weight")) {
    target.fill_(1.0);
    return;
  }
  if (name.ends_with(".bias")) {
    target.zero_();
    return;
  }
  const base::RandomKey key(seed, base::Purpose::initial_weights, base::hash_bytes(name.data(), name.size()));
  at::Tensor values = at::empty(shard.box.shape(), at::kFloat);
  float* const at = values.mutable_data_ptr<float>();
  visit_global(shard, [&](std::int64_t local, std::int64_t global) {
    at[local] = static_cast<float>(std * key.normal(static_cast<std::uint64_t>(global)));
  });
  target.copy_(values);
}

// More hold too many whole tensors in float32 beside each other.
constexpr unsigned kMostThreads = 8;

}  // namespace

void fill_random(ShardStore& store, std::uint64_t seed, double std) {
  const auto& shards = store.shards();
  std::atomic<std::size_t> next = 0;
  const auto fill = [&] {
    const at::NoGradGuard no_grad;
    for (std::size_t i = next++; i < shards.size(); i = next++)
      fill_shard(shards[i], seed, std, store.view(shards[i].parameter.name));
  };
  std::vector<std::future<void>> others;
  for (unsigned i = 1; i < std::min(kMostThreads, std::thread::hardware_concurrency()); ++i)
    others.push_back(std::async(std::launch::async, fill));
  fill();
  for (std::future<void>& other : others) other.get();
}

}  // namespace muster::weights

// Hugging Face folders: loading by slices, random weights, and writing one replica as a folder.
#include "runtime/weights/model_folder.h"

#include <ATen/ATen.h>

#include <set>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
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

at::ScalarType scalar_type_of(spec::DataType dtype) {
  INVARIANT(dtype != spec::DataType::fp8, "a folder holds fp32 or bf16");
  return dtype == spec::DataType::fp32 ? at::kFloat : at::kBFloat16;
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

at::Tensor window(const at::Tensor& global, const spec::Box& box) {
  at::Tensor part = global;
  for (std::size_t dim = 0; dim < box.ranges.size(); ++dim) part = part.narrow(static_cast<std::int64_t>(dim), box.ranges[dim].begin, box.ranges[dim].size());
  return part;
}

/// One parameter whole on rank 0 of the group; undefined elsewhere. collective: tp.
at::Tensor gathered(comm::Communicator& tp, const ShardStore& store, const spec::ModelFacts& facts, const spec::Parameter& parameter, at::ScalarType type) {
  const at::Tensor own = store.view(parameter.name).to(at::kCPU, type).contiguous();
  const spec::Degrees degrees{.tp = tp.size()};
  // Ranks that hold what an earlier rank holds are left out, in the same way by all.
  std::vector<int> senders;
  std::vector<spec::Box> boxes;
  for (int rank = 0; rank < tp.size(); ++rank) {
    spec::Box box = spec::box_of(facts, parameter, degrees, {.tp = rank});
    if (std::find(boxes.begin(), boxes.end(), box) != boxes.end()) continue;
    senders.push_back(rank);
    boxes.push_back(std::move(box));
  }
  std::vector<at::Tensor> pieces(senders.size());
  std::vector<comm::Leg> legs;
  for (std::size_t i = 0; i < senders.size(); ++i) {
    if (senders[i] == 0) {
      pieces[i] = own;
    } else if (tp.rank() == 0) {
      pieces[i] = at::empty(boxes[i].shape(), own.options());
      legs.push_back({.peer = senders[i], .is_send = false, .tensor = &pieces[i]});
    } else if (tp.rank() == senders[i]) {
      legs.push_back({.peer = 0, .is_send = true, .tensor = &own});
    }
  }
  tp.exchange(legs, "save." + parameter.name);
  if (tp.rank() != 0) return {};
  if (pieces.size() == 1) return own;
  at::Tensor global = at::empty(parameter.shape, own.options());
  for (std::size_t i = 0; i < pieces.size(); ++i) window(global, boxes[i]).copy_(pieces[i]);
  return global;
}

bool holds_weights(const fs::path& file) {
  static const std::set<std::string> extensions{".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt"};
  const std::string name = file.filename().string();
  return extensions.contains(file.extension().string()) || name.ends_with(".index.json") || name == "config.json";
}

void copy_companions(const fs::path& origin, const fs::path& folder) {
  if (origin.empty()) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(origin))
    if (entry.is_regular_file() && !holds_weights(entry.path())) base::write_file(folder / entry.path().filename(), base::read_file(entry.path()));
}

}  // namespace

void load_weights(const fs::path& folder, const spec::ModelFacts& facts, ShardStore& store) {
  for (const spec::Parameter& parameter : spec::parameters_of(facts))
    INVARIANT(!store.has(parameter.name) || store.shard(parameter.name).parameter.shape == parameter.shape, "the store is laid out for these facts");
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
      faults.add({.what = text("tensor '", parameter.name, "' has the shape ", shape_text(entry.shape), ", but config.json makes it ", shape_text(parameter.shape)),
                  .where = folder.string(),
                  .fix = "see that config.json and the safetensors files belong together"});
    else if (entry.dtype != at::kFloat && entry.dtype != at::kBFloat16 && entry.dtype != at::kHalf && entry.dtype != at::kDouble)
      faults.add({.what = text("tensor '", parameter.name, "' has the type ", c10::toString(entry.dtype)),
                  .where = folder.string(),
                  .fix = "Muster loads weights in fp32, bf16 and fp16: convert the folder"});
  }
  faults.throw_if_any();
  for (const Shard& shard : store.shards()) store.view(shard.parameter.name).copy_(files.read(shard.parameter.name, shard.box));
}

void fill_random(ShardStore& store, std::uint64_t seed, double std) {
  for (const Shard& shard : store.shards()) {
    const std::string& name = shard.parameter.name;
    at::Tensor target = store.view(name);
    if (name.ends_with("norm.weight")) {
      target.fill_(1.0);
      continue;
    }
    if (name.ends_with(".bias")) {
      target.zero_();
      continue;
    }
    const base::RandomKey key(seed, base::Purpose::initial_weights, base::hash_bytes(name.data(), name.size()));
    at::Tensor values = at::empty(shard.box.shape(), at::kFloat);
    float* const at = values.mutable_data_ptr<float>();
    visit_global(shard, [&](std::int64_t local, std::int64_t global) { at[local] = static_cast<float>(std * key.normal(static_cast<std::uint64_t>(global))); });
    target.copy_(values);
  }
}

void save_model_folder(comm::Communicator& tp, const ShardStore& store, const spec::ModelFacts& facts, const fs::path& origin, const fs::path& folder,
                       spec::DataType dtype) {
  const at::ScalarType type = scalar_type_of(dtype);
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    INVARIANT(store.has(parameter.name), "the group holds one full replica");
    at::Tensor global = gathered(tp, store, facts, parameter, type);
    if (tp.rank() == 0) tensors.emplace_back(parameter.name, std::move(global));
  }
  if (tp.rank() != 0) return;
  base::make_folder(folder);
  copy_companions(origin, folder);
  base::write_file(folder / "config.json", spec::config_json(facts, dtype));
  write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
}

}  // namespace muster::weights

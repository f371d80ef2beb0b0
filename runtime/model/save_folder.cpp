// One replica of the weights as a Hugging Face folder.
#include "runtime/model/save_folder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/weights/float_parts.h"
#include "runtime/weights/safetensors.h"

namespace muster::model {
namespace {

using base::text;
using weights::ShardStore;
namespace fs = std::filesystem;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

at::Tensor window(const at::Tensor& global, const spec::Box& box) {
  at::Tensor part = global;
  for (std::size_t dim = 0; dim < box.ranges.size(); ++dim)
    part = part.narrow(static_cast<std::int64_t>(dim), box.ranges[dim].begin, box.ranges[dim].size());
  return part;
}

/// One parameter whole on rank 0 of the role; undefined elsewhere. collective: role.
at::Tensor gathered(comm::Communicator& role, const spec::Degrees& degrees, const ShardStore& store,
                    const spec::ModelFacts& facts, const spec::Parameter& parameter, at::ScalarType type) {
  const at::Tensor own = store.has(parameter.name) ? store.view(parameter.name).to(type).contiguous()
                                                   : at::empty({0}, store.flat().options().dtype(type));
  // Ranks that hold nothing, or what an earlier rank holds, are left out, in the same way by all.
  std::vector<int> senders;
  std::vector<spec::Box> boxes;
  for (int rank = 0; rank < role.size(); ++rank) {
    spec::Box box = spec::box_of(facts, parameter, degrees, spec::place_of(degrees, rank));
    if (box.numel() == 0 || std::find(boxes.begin(), boxes.end(), box) != boxes.end()) continue;
    senders.push_back(rank);
    boxes.push_back(std::move(box));
  }
  std::vector<at::Tensor> pieces(senders.size());
  std::vector<comm::P2POp> p2p_ops;
  for (std::size_t i = 0; i < senders.size(); ++i) {
    if (senders[i] == role.rank() && role.rank() == 0) {
      pieces[i] = own;
    } else if (role.rank() == 0) {
      pieces[i] = at::empty(boxes[i].shape(), own.options());
      p2p_ops.push_back({.peer = senders[i], .is_send = false, .tensor = &pieces[i]});
    } else if (role.rank() == senders[i]) {
      p2p_ops.push_back({.peer = 0, .is_send = true, .tensor = &own});
    }
  }
  role.exchange(p2p_ops, "save." + parameter.name);
  if (role.rank() != 0) return {};
  if (pieces.size() == 1) return pieces[0].cpu();
  at::Tensor global = at::empty(parameter.shape, at::TensorOptions().dtype(type));
  for (std::size_t i = 0; i < pieces.size(); ++i) window(global, boxes[i]).copy_(pieces[i]);
  return global;
}

bool holds_weights(const fs::path& file) {
  static const std::set<std::string> extensions{".safetensors", ".bin",     ".pt",   ".pth", ".gguf",
                                                ".h5",          ".msgpack", ".onnx", ".ckpt"};
  const std::string name = file.filename().string();
  return extensions.contains(file.extension().string()) || name.ends_with(".index.json") || name == "config.json";
}

void copy_companions(const fs::path& origin, const fs::path& folder) {
  if (origin.empty()) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(origin))
    if (entry.is_regular_file() && !holds_weights(entry.path()))
      base::write_file(folder / entry.path().filename(), base::read_file(entry.path()));
}

/// Neighbours together, as long as a file has room.
std::vector<Tensors> shards_of(const Tensors& tensors, std::int64_t shard_bytes) {
  std::vector<Tensors> shards(1);
  std::int64_t bytes = 0;
  for (const auto& tensor : tensors) {
    const auto size = static_cast<std::int64_t>(tensor.second.nbytes());
    if (bytes > 0 && bytes + size > shard_bytes) shards.emplace_back(), bytes = 0;
    shards.back().push_back(tensor);
    bytes += size;
  }
  return shards;
}

void write_shards(const std::vector<Tensors>& shards, const fs::path& folder) {
  nlohmann::ordered_json index{{"metadata", {{"total_size", 0}}}, {"weight_map", nlohmann::ordered_json::object()}};
  std::int64_t total = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    weights::write_safetensors(folder / name, shards[i], {{"format", "pt"}});
    for (const auto& [parameter, tensor] : shards[i]) {
      index["weight_map"][parameter] = name;
      total += static_cast<std::int64_t>(tensor.nbytes());
    }
  }
  index["metadata"]["total_size"] = total;
  base::write_file(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

void write_model_folder(const Tensors& tensors, const spec::ModelFacts& facts, const fs::path& origin,
                        const fs::path& folder, spec::DataType dtype, std::int64_t shard_bytes) {
  base::make_folder(folder);
  copy_companions(origin, folder);
  base::write_file(folder / "config.json", spec::config_json(origin, facts, dtype));
  const std::vector<Tensors> shards = shards_of(tensors, shard_bytes);
  if (shards.size() > 1)
    write_shards(shards, folder);
  else
    weights::write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
}

std::vector<std::pair<std::string, at::Tensor>> whole_parameters(comm::Communicator& role, const spec::Degrees& degrees,
                                                                 const ShardStore& store, const spec::ModelFacts& facts,
                                                                 at::ScalarType type) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    at::Tensor global = gathered(role, degrees, store, facts, parameter, type);
    if (role.rank() == 0 && spec::is_choice_bias(parameter)) global = weights::floats_of_parts(global);
    if (role.rank() == 0) tensors.emplace_back(parameter.name, std::move(global));
  }
  return tensors;
}

void save_model_folder(comm::Communicator& role, const spec::Degrees& degrees, const ShardStore& store,
                       const spec::ModelFacts& facts, const fs::path& origin, const fs::path& folder,
                       spec::DataType dtype) {
  const auto tensors = whole_parameters(role, degrees, store, facts, weights::scalar_type_of(dtype));
  if (role.rank() == 0) write_model_folder(tensors, facts, origin, folder, dtype);
}

}  // namespace muster::model

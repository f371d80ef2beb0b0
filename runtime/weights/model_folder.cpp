// Hugging Face folders: loading by slices, and random weights.
#include "runtime/weights/model_folder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/weights/float_parts.h"
#include "runtime/weights/quantized_blocks.h"
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

namespace {

constexpr const char* kHead = "lm_head.weight";
const std::string kScales = scales_name("");
constexpr const char* kBelongTogether = "see that config.json and the safetensors files belong together";
constexpr std::size_t kShownNames = 3, kShownFaults = 20;
constexpr std::int64_t kComparedBytes = std::int64_t{64} << 20;  // of each of two tensors at a time

bool can_be_loaded(at::ScalarType type) {
  return type == at::kFloat || type == at::kBFloat16 || type == at::kHalf || type == at::kDouble;
}

/// The files of a folder under the names of the model's parameters.
class ModelFiles {
 public:
  ModelFiles(const fs::path& folder, const spec::ModelFacts& facts) : folder_(folder), facts_(facts), files_(folder) {
    const std::string changed = files_.adapt_names(spec::outer_parameters(facts).front().name);
    if (!changed.empty()) notes_.push_back(changed);
    for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
      const FilePlace place = place_of(parameter);
      std::vector<std::int64_t>& shape = shapes_.try_emplace(place.tensor, place.shape).first->second;
      shape[0] = std::max(shape[0], parameter.first_row + place.shape[0]);  // the blocks of one tensor
    }
    note_others();
  }

  /// The tensors of the files that hold what is in the store, each once.
  std::vector<std::string> tensors_of(const ShardStore& store) const {
    std::vector<std::string> tensors;
    for (const Shard& shard : store.shards()) {
      std::string tensor = place_of(shard.parameter).tensor;
      if (tensors.empty() || tensors.back() != tensor) tensors.push_back(std::move(tensor));
    }
    return tensors;
  }

  /// A box of the parameter.
  at::Tensor read(const spec::Parameter& parameter, spec::Box box) const {
    const FilePlace place = place_of(parameter);
    if (spec::is_choice_bias(parameter)) return read_parts(place.tensor, box);
    const bool is_stacked = place.shape.size() > parameter.shape.size();
    box.ranges[0] = {box.ranges[0].begin + place.first_row, box.ranges[0].end + place.first_row};
    if (is_stacked) box.ranges.insert(box.ranges.begin(), {parameter.expert, parameter.expert + 1});
    const at::Tensor found = read(place.tensor, box);
    return is_stacked ? found.squeeze(0) : found;
  }

  /// What is wrong with one tensor of the model joins `faults`.
  void check(const std::string& tensor) {
    const std::vector<std::int64_t>& shape = shapes_.at(tensor);
    const auto add = [&](std::string what, std::string fix) { add_fault(std::move(what), std::move(fix)); };
    if (!files_.has(tensor))
      return add(text("tensor '", tensor, "' of shape ", shape_text(shape), " is missing"), kBelongTogether);
    const TensorEntry& entry = files_.entry(tensor);
    if (entry.shape != shape)
      add(text("tensor '", tensor, "' has the shape ", shape_text(entry.shape), ", but config.json makes it ",
               shape_text(shape)),
          kBelongTogether);
    else if (entry.dtype == at::kFloat8_e4m3fn)
      check_scales(tensor, shape);
    else if (!can_be_loaded(entry.dtype))
      add(text("tensor '", tensor, "' has the type ", entry.type_name),
          "Muster loads weights in fp32, bf16, fp16, and fp8 in blocks of 128 x 128: convert the folder");
  }

  /// Bytes of a tensor of the model and of its scales.
  std::int64_t bytes_of(const std::string& tensor) const {
    std::int64_t bytes = 0;
    for (const std::string& name : {tensor, scales_name(tensor)})
      if (files_.has(name)) bytes += files_.entry(name).end - files_.entry(name).begin;
    return bytes;
  }

  void throw_if_any() {
    if (not_shown_ > 0) {
      const std::vector<std::string> names = files_.names();
      faults_.add({.what = text(not_shown_, " more tensors are wrong; the files hold ", names.size(), ", the first '",
                                names.empty() ? "" : names.front(), "'"),
                   .where = folder_.string(),
                   .fix = kBelongTogether});
    }
    faults_.throw_if_any();
  }

  /// A head of its own in the files of a model whose config.json ties it has to be the embedding, in these rows.
  /// transformers keeps such a head when it differs, and with it another model.
  void check_tied_head(const spec::Box& embedding, at::ScalarType type) const {
    if (!facts_.tied_embeddings || !files_.has(kHead) || embedding.numel() == 0) return;
    const std::string name = spec::outer_parameters(facts_).front().name;
    const auto differ = [&] {
      throw Error::user({.what = text("config.json ties the head to the embedding (tie_word_embeddings), but the files "
                                      "hold another '",
                                      kHead, "': transformers keeps that head"),
                         .where = folder_.string(),
                         .fix = "set tie_word_embeddings = false in config.json, or take the tensor out"});
    };
    if (files_.entry(kHead).shape != files_.entry(name).shape || !can_be_loaded(files_.entry(kHead).dtype)) differ();
    const spec::Range all = embedding.ranges[0];
    const std::int64_t row_bytes = 8 * facts_.hidden_size, rows = std::max<std::int64_t>(kComparedBytes / row_bytes, 1);
    for (std::int64_t row = all.begin; row < all.end; row += rows) {
      spec::Box part = embedding;
      part.ranges[0] = {row, std::min(row + rows, all.end)};
      if (!at::equal(files_.read(kHead, part).to(type), files_.read(name, part).to(type))) differ();
    }
  }

  const WeightFolder& files() const { return files_; }
  const std::map<std::string, std::vector<std::int64_t>>& shapes() const { return shapes_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  /// Where the files have a parameter.
  struct FilePlace {
    std::string tensor;
    std::vector<std::int64_t> shape;  // of that tensor, at least
    std::int64_t first_row = 0;       // of the parameter
  };
  /// An expert is a tensor of its own, or a part of one that stacks all experts of a layer as transformers 5 does in
  /// memory: "experts.gate_up_proj" [X, 2 F, D], gate over up, and "experts.down_proj" [X, D, F].
  FilePlace place_of(const spec::Parameter& parameter) const {
    const std::string own = parameter.file_tensor();
    if (parameter.expert < 0 || files_.has(own)) return {own, parameter.file_shape(), parameter.first_row};
    const std::string marker = ".experts.";
    const std::size_t begin = own.find(marker) + marker.size();
    const bool is_down = own.ends_with(".down_proj.weight"), is_up = own.ends_with(".up_proj.weight");
    const std::string stacked = own.substr(0, begin) + (is_down ? "down_proj" : "gate_up_proj");
    if (!files_.has(stacked)) return {own, parameter.shape, parameter.first_row};
    const std::int64_t rows = parameter.shape[0] * (is_down ? 1 : 2);
    return {stacked, {facts_.num_experts, rows, parameter.shape[1]}, is_up ? parameter.shape[0] : 0};
  }

  void add_fault(std::string what, std::string fix) {
    if (faults_.list().size() == kShownFaults) return void(++not_shown_);
    faults_.add({.what = std::move(what), .where = folder_.string(), .fix = std::move(fix)});
  }

  void check_scales(const std::string& tensor, const std::vector<std::int64_t>& shape) {
    const std::string scales = scales_name(tensor);
    const std::vector<std::int64_t> wanted = scales_shape(shape);
    if (shape.size() != 2)
      add_fault(text("tensor '", tensor, "' is fp8, and no matrix"),
                "Muster reads matrices in fp8: convert the folder");
    else if (!files_.has(scales))
      add_fault(text("tensor '", tensor, "' is fp8, but its scales '", scales, "' of shape ", shape_text(wanted),
                     " are missing"),
                kBelongTogether);
    else if (files_.entry(scales).shape != wanted || !can_be_loaded(files_.entry(scales).dtype))
      add_fault(text("tensor '", scales, "' has the shape ", shape_text(files_.entry(scales).shape), " in ",
                     files_.entry(scales).type_name, ", but blocks of 128 x 128 make it ", shape_text(wanted)),
                "Muster reads fp8 with a floating-point scale for each block of 128 x 128: convert the folder");
  }

  at::Tensor read(const std::string& tensor, const spec::Box& box) const {
    const at::Tensor found = files_.read(tensor, box);
    if (found.scalar_type() != at::kFloat8_e4m3fn) return found;
    return dequantized(found, files_.read(scales_name(tensor), blocks_of(box)), box);
  }

  at::Tensor read_parts(const std::string& tensor, const spec::Box& box) const {
    const at::Tensor parts = parts_of_floats(files_.read(tensor, {{box.ranges[1]}}));
    return parts.narrow(0, box.ranges[0].begin, box.ranges[0].size());
  }

  /// Tensors that the model has no place for, as one note.
  void note_others() {
    std::vector<std::string> others;
    for (const std::string& name : files_.names()) {
      const bool is_known = shapes_.contains(name) ||
                            name.ends_with("rotary_emb.inv_freq") ||  // a constant of old folders
                            (name.ends_with(kScales) && shapes_.contains(name.substr(0, name.size() - kScales.size())));
      if (!is_known && !(facts_.tied_embeddings && name == kHead)) others.push_back(name);
    }
    if (others.empty()) return;
    const std::size_t count = others.size();
    if (count > kShownNames) others.resize(kShownNames);
    notes_.push_back(text(count, count == 1 ? " tensor of the files is" : " tensors of the files are",
                          " not read, for config.json (", facts_.num_layers, " layers) has no place for ",
                          count == 1 ? "it: " : "them: ", base::join(others, ", "),
                          count > kShownNames ? ", ..." : ""));
  }

  fs::path folder_;
  const spec::ModelFacts& facts_;
  WeightFolder files_;
  std::map<std::string, std::vector<std::int64_t>> shapes_;  // of the files' tensors that the model has
  std::vector<std::string> notes_;
  base::Faults faults_;
  std::size_t not_shown_ = 0;
};

}  // namespace

std::vector<std::string> load_weights(const fs::path& folder, const spec::ModelFacts& facts, ShardStore& store) {
  for (const spec::Parameter& parameter : spec::parameters_of(facts))
    INVARIANT(!store.has(parameter.name) || store.shard(parameter.name).parameter.shape == parameter.shape,
              "the store is laid out for these facts");
  ModelFiles model(folder, facts);
  for (const std::string& tensor : model.tensors_of(store)) model.check(tensor);
  model.throw_if_any();
  const std::string embedding = spec::outer_parameters(facts).front().name;
  if (store.has(embedding)) model.check_tied_head(store.shard(embedding).box, store.flat().scalar_type());
  for (const Shard& shard : store.shards())
    store.view(shard.parameter.name).copy_(model.read(shard.parameter, shard.box));
  return model.notes();
}

FolderReport check_weights(const fs::path& folder, const spec::ModelFacts& facts) {
  ModelFiles model(folder, facts);
  for (const auto& [tensor, shape] : model.shapes()) model.check(tensor);
  model.throw_if_any();
  const spec::Parameter embedding = spec::outer_parameters(facts).front();
  model.check_tied_head(spec::box_of(facts, embedding, {}, {}), scalar_type_of(facts.stored_dtype));
  FolderReport report{.notes = model.notes()};
  for (const auto& [tensor, shape] : model.shapes()) report.bytes += model.bytes_of(tensor);
  return report;
}

namespace {

void fill_shard(const Shard& shard, std::uint64_t seed, double std, at::Tensor target) {
  const std::string& name = shard.parameter.name;
  if (name.ends_with("norm.weight")) {
    target.fill_(1.0);
    return;
  }
  if (name.ends_with("bias")) {
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

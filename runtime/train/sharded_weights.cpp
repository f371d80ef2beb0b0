// Letters: N elements of one rank's rows of a unit (of the rank that has most), R ranks of dp_cp.
#include "runtime/train/sharded_weights.h"

#include <ATen/ATen.h>

#include <optional>

#include "runtime/base/error.h"
#include "runtime/device/stream.h"

namespace muster::train {
namespace {

using model::Unit;

/// The memory of `flat` and of all windows into it, taken and given back; sizes stay.
void allocate(const at::Tensor& flat) {
  c10::StorageImpl& storage = *flat.storage().unsafeGetStorageImpl();
  storage.set_data_ptr_noswap(storage.allocator()->allocate(storage.nbytes()));
}
void free_memory(const at::Tensor& flat) {
  flat.storage().unsafeGetStorageImpl()->set_data_ptr_noswap(at::DataPtr(nullptr, flat.device()));
}

/// Rows of one parameter on one rank of dp_cp: where they lie in the whole unit.
struct Rows {
  std::int64_t begin = 0, length = 0;  // elements of the unit's flat buffer
};

}  // namespace

/// One unit put together. Its windows are made once; their memory comes and goes.
struct ShardedWeights::GatheredUnit {
  std::vector<std::string> names;
  std::vector<std::vector<Rows>> rows_of;  // by rank of dp_cp, then by name
  std::int64_t most = 0;                   // N
  std::unique_ptr<weights::ShardStore> values, gradients;
  // The same memory without the version that autograd compares: what was saved in a forward shows the same numbers when
  // it is gathered again.
  at::Tensor written_values;
  bool is_gathered = false;
  // While it is on its way: what this rank puts in and what comes of all ranks, and the event behind which it is there.
  at::Tensor own_N, all_RN;
  std::optional<device::Event> arrived;

  /// body(gathered, in place) over pieces of all_RN (each rank's rows, one parameter behind the other) and of a flat
  /// buffer, of the same shape: a parameter in one piece where all ranks have as many rows of it.
  template <class Body>
  void for_pieces(const at::Tensor& all_RN, const at::Tensor& flat, const Body& body) const {
    const std::int64_t R = all_RN.size(0);
    std::vector<std::int64_t> next(rows_of.size(), 0);
    for (std::size_t name = 0; name < names.size(); ++name) {
      const Rows& first = rows_of[0][name];
      bool even = true;
      for (std::size_t r = 0; r < rows_of.size(); ++r)
        even = even && rows_of[r][name].length == first.length && next[r] == next[0];
      if (even)
        body(all_RN.narrow(1, next[0], first.length),
             flat.narrow(0, first.begin, R * first.length).view({R, first.length}));
      for (std::size_t r = 0; r < rows_of.size(); ++r) {
        const Rows& rows = rows_of[r][name];
        if (!even)
          body(all_RN[static_cast<std::int64_t>(r)].narrow(0, next[r], rows.length),
               flat.narrow(0, rows.begin, rows.length));
        next[r] += rows.length;
      }
    }
  }
};

ShardedWeights::ShardedWeights(const spec::ModelFacts& facts, parallel::Mesh& mesh, const weights::ShardStore& values,
                               const weights::ShardStore* gradients)
    : mesh_(mesh), own_values_(values), own_gradients_(gradients) {
  const c10::InferenceMode ordinary(false);  // windows outlive the mode of whoever makes them
  spec::Degrees uncut = mesh.degrees();
  uncut.fsdp = 0;
  std::vector<std::vector<weights::Shard>> shards(static_cast<std::size_t>(facts.num_layers + 2));
  for (std::size_t u = 0; u < shards.size(); ++u) {
    units_.push_back(std::make_unique<GatheredUnit>());
    units_.back()->rows_of.resize(static_cast<std::size_t>(uncut.of(spec::Axis::dp_cp)));
  }
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    const spec::Box box = spec::box_of(facts, parameter, uncut, mesh.coordinates());
    for (const Unit unit : model::units_of(facts, parameter)) {
      auto& list = shards[unit];
      GatheredUnit& whole = *units_[unit];
      const std::int64_t offset = list.empty() ? 0 : list.back().offset + list.back().numel;
      list.push_back({.parameter = parameter, .box = box, .offset = offset, .numel = box.numel()});
      whole.names.push_back(parameter.name);
      const std::int64_t width = box.numel() / box.ranges[0].size();
      for (std::int64_t r = 0; r < uncut.of(spec::Axis::dp_cp); ++r) {
        spec::Coordinates place = mesh.coordinates();
        place.cp = r % uncut.cp;
        place.dp = r / uncut.cp;
        const spec::Range part = spec::box_of(facts, parameter, mesh.degrees(), place).ranges[0];
        whole.rows_of[r].push_back({offset + (part.begin - box.ranges[0].begin) * width, part.size() * width});
      }
    }
  }
  for (std::size_t u = 0; u < shards.size(); ++u) {
    GatheredUnit& whole = *units_[u];
    for (const auto& rows : whole.rows_of) {
      std::int64_t sum = 0;
      for (const Rows& one : rows) sum += one.length;
      whole.most = std::max(whole.most, sum);
    }
    const at::Device device = values.flat().device();
    whole.values = std::make_unique<weights::ShardStore>(shards[u], values.flat().scalar_type(), device);
    whole.written_values = whole.values->flat().variable_data();
    free_memory(whole.written_values);
    if (gradients == nullptr) continue;
    whole.gradients =
        std::make_unique<weights::ShardStore>(std::move(shards[u]), gradients->flat().scalar_type(), device);
    free_memory(whole.gradients->flat());
  }
}

ShardedWeights::~ShardedWeights() = default;

const weights::ShardStore& ShardedWeights::values(Unit unit) const { return *units_[unit]->values; }
const weights::ShardStore* ShardedWeights::gradients(Unit unit) const { return units_[unit]->gradients.get(); }

/// Lets the rows of all ranks come; what is computed next does not wait for them. collective: dp_cp.
void ShardedWeights::gather_early(Unit unit) {
  GatheredUnit& whole = *units_[unit];
  if (whole.is_gathered || whole.arrived) return;
  const at::NoGradGuard no_grad;
  const std::int64_t R = mesh_.dp_cp().size(), N = whole.most;
  whole.own_N = at::empty({N}, own_values_.flat().options());
  std::int64_t filled = 0;
  for (const std::string& name : whole.names) {
    if (!own_values_.has(name)) continue;  // fewer rows than ranks
    const at::Tensor rows = own_values_.view(name).view(-1);
    whole.own_N.narrow(0, filled, rows.numel()).copy_(rows);
    filled += rows.numel();
  }
  whole.own_N.narrow(0, filled, N - filled).zero_();
  whole.all_RN = at::empty({R, N}, whole.own_N.options());
  whole.arrived.emplace(
      mesh_.dp_cp().overlapped([&] { mesh_.dp_cp().all_gather(whole.all_RN, whole.own_N, "fsdp.weights"); }));
}

/// The caller's stream waits for the rows, and puts them in place.
void ShardedWeights::finish_gather(Unit unit) {
  GatheredUnit& whole = *units_[unit];
  if (whole.is_gathered) return;
  const at::NoGradGuard no_grad;
  whole.arrived->block(device::current_stream(whole.arrived->device()));
  whole.arrived.reset();
  whole.own_N.reset();
  allocate(whole.written_values);
  whole.for_pieces(whole.all_RN, whole.written_values,
                   [](at::Tensor gathered, at::Tensor in_place) { in_place.copy_(gathered); });
  whole.all_RN.reset();
  whole.is_gathered = true;
}

/// `unit` is there, and `next` on its way. collective: dp_cp.
void ShardedWeights::gather(Unit unit, Unit next) {
  gather_early(unit);
  if (next > 0 && next < static_cast<Unit>(units_.size())) gather_early(next);
  finish_gather(unit);
}

/// The unit's gradients, summed over dp_cp, into this rank's own. collective: dp_cp.
void ShardedWeights::reduce(Unit unit) {
  GatheredUnit& whole = *units_[unit];
  const at::NoGradGuard no_grad;
  const std::int64_t R = mesh_.dp_cp().size(), N = whole.most;
  const at::Tensor& flat = whole.gradients->flat();
  at::Tensor all_RN = at::zeros({R, N}, flat.options());
  whole.for_pieces(all_RN, flat, [](at::Tensor gathered, at::Tensor in_place) { gathered.copy_(in_place); });
  free_memory(flat);
  at::Tensor own_N = at::empty({N}, flat.options());
  mesh_.dp_cp().reduce_scatter(own_N, all_RN, comm::Reduce::sum, "fsdp.gradients");
  std::int64_t next = 0;
  for (const std::string& name : whole.names) {
    if (!own_gradients_->has(name)) continue;
    at::Tensor sum = own_gradients_->view(name).view(-1);
    sum.add_(own_N.narrow(0, next, sum.numel()));
    next += sum.numel();
  }
}

void ShardedWeights::begin_forward(Unit unit) { gather(unit, unit + 1); }

void ShardedWeights::end_forward(Unit unit) {
  // The backward begins where the forward ended.
  if (unit + 1 == static_cast<Unit>(units_.size()) && at::GradMode::is_enabled()) return;
  GatheredUnit& whole = *units_[unit];
  free_memory(whole.written_values);
  whole.is_gathered = false;
}

void ShardedWeights::begin_backward(Unit unit) {
  GatheredUnit& whole = *units_[unit];
  allocate(whole.gradients->flat());
  whole.gradients->flat().zero_();
  if (unit == 0) return;  // an embedding's gradient does not depend on it
  gather(unit, unit - 1);
}

void ShardedWeights::end_backward(Unit unit) {
  GatheredUnit& whole = *units_[unit];
  reduce(unit);
  free_memory(whole.written_values);
  whole.is_gathered = false;
}

std::unique_ptr<model::WeightSource> make_weight_source(const spec::ModelFacts& facts, parallel::Mesh& mesh,
                                                        const weights::ShardStore& values,
                                                        const weights::ShardStore* gradients) {
  if (mesh.degrees().fsdp == 0) return std::make_unique<model::ResidentWeights>(facts, values, gradients);
  return std::make_unique<ShardedWeights>(facts, mesh, values, gradients);
}

}  // namespace muster::train

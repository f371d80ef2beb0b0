// Reads templates/estimate.toml: a table a system, a key a coefficient.
#include "launcher/estimate/coefficients.h"

#include "launcher/cluster/cluster.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/toml_reader.h"

namespace muster::estimate {

const std::array<CoefficientInfo, 12>& coefficient_list() {
  using C = Coefficients;
  static const std::array<CoefficientInfo, 12> list{{
      {"decode_bandwidth_share", &C::decode_bandwidth_share, 0.1, 1, "share of the memory bandwidth in decoding"},
      {"decode_layer_us", &C::decode_layer_us, 10, 1000, "microseconds of a layer in a decode pass"},
      {"decode_far_factor", &C::decode_far_factor, 1, 6, "times that where tp or ep leaves the NVLink domain"},
      {"decode_sample_us", &C::decode_sample_us, 1, 300, "microseconds of a running sample in a decode pass"},
      {"compute_share", &C::compute_share, 0.05, 0.8, "share of the dense peak in training, scoring and prefill"},
      {"link_share", &C::link_share, 0.05, 1, "share of a link's bandwidth"},
      {"layer_pass_ms", &C::layer_pass_ms, 0.02, 10, "milliseconds of any layer, micro batch and pass"},
      {"expert_pass_ms", &C::expert_pass_ms, 0.05, 30, "milliseconds more of a layer of experts"},
      {"move_gb_per_s", &C::move_gb_per_s, 2, 500, "GB/s of weights and state between phases, and of refit"},
      {"fixed_s", &C::fixed_s, 0.05, 30, "seconds of any step"},
      {"sample_ms", &C::sample_ms, 0.01, 5, "milliseconds of a sample of the step"},
      {"length_spread", &C::length_spread, 0.1, 1.5, "spread of the logarithm of answer lengths"},
  }};
  return list;
}

Systems read_coefficients(const std::filesystem::path& file) {
  base::Faults faults;
  spec::TomlReader reader = spec::TomlReader::parse(base::read_file(file), file.string(), faults);
  Systems systems;
  for (const auto& [name, set] : {std::pair{"published", &systems.published}, std::pair{"muster", &systems.muster}}) {
    spec::TomlReader table = reader.table(name);
    for (const CoefficientInfo& info : coefficient_list())
      table.read(info.name, set->*info.member, info.least, info.most);
  }
  spec::TomlReader errors = reader.table("left_out");
  errors.read("row_median", systems.left_out.row_median, 0, 10);
  errors.read("row_nine_of_ten", systems.left_out.row_nine_of_ten, 0, 10);
  errors.read("model_median", systems.left_out.model_median, 0, 10);
  errors.read("model_nine_of_ten", systems.left_out.model_nine_of_ten, 0, 10);
  reader.finish();
  faults.throw_if_any();
  return systems;
}

Systems shipped_coefficients() { return read_coefficients(cluster::shipped_folder("templates") / "estimate.toml"); }

}  // namespace muster::estimate

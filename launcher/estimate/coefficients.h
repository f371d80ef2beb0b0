// The few numbers that turn counts into seconds, one set a system. They come from templates/estimate.toml; those of
// the published system are fitted on its rows (fit.h), those of Muster are assumed until a GPU has been measured.
#pragma once

#include <array>
#include <filesystem>

namespace muster::estimate {

struct Coefficients {
  double decode_bandwidth_share = 0.5;  // of the peak, that weights and cache are read with while decoding
  double decode_layer_us = 130;  // of a layer in a decode pass, whatever the batch: launches and small collectives
  double decode_far_factor = 2;  // decode_layer_us times this where tp or ep leaves the NVLink domain
  double decode_sample_us = 40;  // of a running sample in a decode pass: sampling, scheduling, text
  double compute_share = 0.4;    // of the dense peak, in training, scoring and prefill
  double link_share = 0.6;       // of a link's bandwidth
  double layer_pass_ms = 0.5;    // of any layer, micro batch and pass, whatever the GPU
  double expert_pass_ms = 3;     // the same of a layer of experts, beyond layer_pass_ms
  double move_gb_per_s = 20;     // weights and optimizer state between phases, and refit, of each GPU
  double fixed_s = 3;            // of a step, whatever its size
  double sample_ms = 2;          // of a sample of the step: rewards, batches, records
  double length_spread = 0.7;    // of the logarithm of answer lengths
  bool operator==(const Coefficients&) const = default;
};

struct CoefficientInfo {
  const char* name;
  double Coefficients::*member;
  double least, most;
  const char* meaning;
};
/// Every coefficient with the bounds within which it has its meaning.
const std::array<CoefficientInfo, 12>& coefficient_list();

/// How far published rows are missed, |log(estimated / printed)|, by a fit that did not see them.
struct LeftOut {
  double row_median = 0, row_nine_of_ten = 0;      // without the row itself
  double model_median = 0, model_nine_of_ten = 0;  // without all rows of its model
};

struct Systems {
  Coefficients published, muster;
  LeftOut left_out;  // of `published`
};
/// throws: Error::user with every fault of the file.
Systems read_coefficients(const std::filesystem::path& file);
/// Of the shipped file.
Systems shipped_coefficients();

}  // namespace muster::estimate

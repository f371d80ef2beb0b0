// The enumerations of the contract and the words for them in files, one list each.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::spec {

/// Words of an enumeration in the order of its values.
template <class Enum>
struct Choices;
template <>
struct Choices<PlacementMode> {
  static constexpr std::array kNames{"colocated", "split"};
};
template <>
struct Choices<Backend> {
  static constexpr std::array kNames{"megatron", "dtensor"};
};
template <>
struct Choices<DataType> {
  static constexpr std::array kNames{"fp32", "bf16", "fp8"};
};
template <>
struct Choices<Baseline> {
  static constexpr std::array kNames{"leave_one_out", "mean", "none"};
};
template <>
struct Choices<LossReduction> {
  static constexpr std::array kNames{"token", "sequence", "constant"};
};
template <>
struct Choices<PolicyForm> {
  static constexpr std::array kNames{"clip", "cispo"};
};
template <>
struct Choices<KlKind> {
  static constexpr std::array kNames{"k1", "k2", "k3"};
};
template <>
struct Choices<Correction> {
  static constexpr std::array kNames{"none", "plain", "truncate", "mask", "mask_samples"};
};
template <>
struct Choices<CorrectionLevel> {
  static constexpr std::array kNames{"token", "sequence", "geometric"};
};
template <>
struct Choices<RatioLevel> {
  static constexpr std::array kNames{"token", "sequence"};
};
template <>
struct Choices<Recompute> {
  static constexpr std::array kNames{"none", "attention", "mlp", "full"};
};
template <>
struct Choices<Fp8Scaling> {
  static constexpr std::array kNames{"tensor", "block", "mx"};
};
template <>
struct Choices<Fp8Format> {
  static constexpr std::array kNames{"e4m3", "hybrid"};
};
template <>
struct Choices<CacheType> {
  static constexpr std::array kNames{"automatic", "fp32", "bf16", "fp8"};
};
template <>
struct Choices<Schedule> {
  static constexpr std::array kNames{"constant", "linear", "cosine"};
};
template <>
struct Choices<Switch> {
  static constexpr std::array kNames{"automatic", "off", "on"};
};
template <>
struct Choices<AnswerPart> {
  static constexpr std::array kNames{"after_thinking", "all"};
};
template <>
struct Choices<Sabotage> {
  static constexpr std::array kNames{"none", "zero_advantage", "shuffled_advantage", "negated_advantage", "no_refit"};
};

template <class Enum>
const char* choice_name(Enum value) {
  return Choices<Enum>::kNames[static_cast<std::size_t>(value)];
}

template <class Enum>
std::vector<std::string> choice_names() {
  return {Choices<Enum>::kNames.begin(), Choices<Enum>::kNames.end()};
}

}  // namespace muster::spec

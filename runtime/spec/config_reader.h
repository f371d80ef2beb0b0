// One config.json as it is taken apart: keys are read by kind, and every fault is gathered. Within runtime/spec.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/base/error.h"
#include "runtime/spec/model_facts.h"

namespace muster::spec {

/// ConfigReader takes keys out of one config.json and gathers what is wrong with it. A key that is missing or null
/// leaves its value as it is.
class ConfigReader {
 public:
  /// Borrows `config`. `path` is named in what is thrown.
  ConfigReader(const nlohmann::json& config, std::filesystem::path path) : config_(config), path_(std::move(path)) {}

  bool has(const char* key) const { return config_.contains(key) && !config_[key].is_null(); }
  void count(const char* key, std::int64_t& value, bool is_needed = true, std::int64_t least = 1);
  /// The first of these names that the file has.
  const char* any_of(std::initializer_list<const char*> keys) const;
  /// What Muster's layers do not do must not be asked for.
  void must_be(const char* key, const nlohmann::json& only);
  void family(Family family) { family_ = family; }
  void flag(const char* key, bool& value);
  /// `from`: the file or an object within it. may_be_zero: 0 is a value too.
  void number(const nlohmann::json& from, const char* key, double& value, bool is_needed, bool may_be_zero = false);
  std::string word(const nlohmann::json& from, const char* key);
  void fault(std::string what, std::string fix);
  const nlohmann::json& config() const { return config_; }
  void throw_if_any() const { faults_.throw_if_any(); }

 private:
  const nlohmann::json& config_;
  std::filesystem::path path_;
  Family family_ = Family::llama;
  base::Faults faults_;
};

/// Positions: rope_theta and rope_scaling of published folders, or rope_parameters of the newest ones.
void read_rope(ConfigReader& reader, ModelFacts& facts);

}  // namespace muster::spec

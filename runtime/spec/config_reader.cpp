// Keys of a config.json by kind: whole numbers, numbers, flags, words.
#include "runtime/spec/config_reader.h"

#include <algorithm>

#include "runtime/base/text.h"
#include "runtime/spec/facts_schema.h"

namespace muster::spec {

using base::text;
using nlohmann::json;

namespace {

constexpr std::int64_t kLargestCount = 1'000'000'000;
constexpr const char* kIsNeeded = "a config.json of this kind names it";

}  // namespace

void ConfigReader::count(const char* key, std::int64_t& value, bool is_needed, std::int64_t least) {
  if (!has(key)) return is_needed ? fault(text("has no \"", key, "\""), kIsNeeded) : void();
  const json& given = config_[key];
  if (!given.is_number_integer() || given.get<std::int64_t>() < least || given.get<std::int64_t>() > kLargestCount)
    return fault(text("\"", key, "\" is ", given.dump()),
                 text("must be a whole number from ", least, " to ", kLargestCount));
  value = given.get<std::int64_t>();
}

const char* ConfigReader::any_of(std::initializer_list<const char*> keys) const {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const char* key) { return has(key); });
  return found == keys.end() ? *keys.begin() : *found;
}

void ConfigReader::must_be(const char* key, const json& only) {
  if (has(key) && config_[key] != only)
    fault(text(key, " is ", config_[key].dump()),
          text("Muster has ", choice_name(family_), " with ", key, " = ", only.dump(), " only"));
}

void ConfigReader::flag(const char* key, bool& value) {
  if (!has(key)) return;
  if (!config_[key].is_boolean()) return fault(text("\"", key, "\" is ", config_[key].dump()), "must be true or false");
  value = config_[key].get<bool>();
}

void ConfigReader::number(const json& from, const char* key, double& value, bool is_needed, bool may_be_zero) {
  if (!from.contains(key) || from[key].is_null())
    return is_needed ? fault(text("has no \"", key, "\""), kIsNeeded) : void();
  const double given = from[key].is_number() ? from[key].get<double>() : -1;
  if (!(given > 0 || (may_be_zero && given == 0)))
    return fault(text("\"", key, "\" is ", from[key].dump()),
                 may_be_zero ? "must be a number from 0" : "must be a number above 0");
  value = given;
}

std::string ConfigReader::word(const json& from, const char* key) {
  if (!from.contains(key) || from[key].is_null()) return "";
  if (from[key].is_string()) return from[key].get<std::string>();
  fault(text("\"", key, "\" is ", from[key].dump()), "must be text");
  return "";
}

void ConfigReader::fault(std::string what, std::string fix) {
  faults_.add({.what = std::move(what), .where = path_.string(), .fix = std::move(fix)});
}

}  // namespace muster::spec

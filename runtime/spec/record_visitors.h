// What can be done with a described record: write it as JSON, read it back, list its fields. A description is a
// template
//   describe(Visitor& visitor, Record& record)   that calls   visitor.field(name, member, unit, identical, meaning)
// once for each field and   visitor.list(name, members, describe_one)   for a list of records, so that writer, reader
// and list cannot part. Unit and meaning may be left out where nobody lists them.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/spec/step_record.h"

namespace muster::spec {

/// Each reads one value, and returns whether it was of that type and in its range; null is a number that was none.
inline bool read_value(const nlohmann::ordered_json& value, std::string& out) {
  if (!value.is_string()) return false;
  out = value.get<std::string>();
  return true;
}
inline bool read_value(const nlohmann::ordered_json& value, bool& out) {
  if (!value.is_boolean()) return false;
  out = value.get<bool>();
  return true;
}
inline bool read_value(const nlohmann::ordered_json& value, char& out) {
  if (!value.is_string() || value.get_ref<const std::string&>().size() != 1) return false;
  out = value.get_ref<const std::string&>()[0];
  return true;
}
template <std::floating_point T>
bool read_value(const nlohmann::ordered_json& value, T& out) {
  if (!value.is_number() && !value.is_null()) return false;
  out = value.is_null() ? std::numeric_limits<T>::quiet_NaN() : value.get<T>();
  return true;
}
template <std::integral T>
bool read_value(const nlohmann::ordered_json& value, T& out) {
  if (!value.is_number_integer()) return false;
  const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                               : std::in_range<T>(value.get<std::int64_t>());
  if (fits) out = value.get<T>();
  return fits;
}
template <class T>
bool read_value(const nlohmann::ordered_json& value, std::vector<T>& out) {
  if (!value.is_array()) return false;
  out.clear();
  bool all = true;
  for (const nlohmann::ordered_json& entry : value) all = read_value(entry, out.emplace_back()) && all;
  return all;
}
template <class T>
bool read_value(const nlohmann::ordered_json& value, std::map<std::string, T>& out) {
  if (!value.is_object()) return false;
  bool all = true;
  for (const auto& [key, entry] : value.items()) all = read_value(entry, out[key]) && all;
  return all;
}

class FieldWriter {
 public:
  template <class T>
  void field(const char* name, const T& value, const char* = "", bool = true, const char* = "") {
    if constexpr (std::is_same_v<T, char>) {
      object[name] = std::string(1, value);  // a letter, no number
    } else {
      object[name] = value;
    }
  }
  template <class T, class Describe>
  void list(const char* name, const std::vector<T>& values, const Describe& describe) {
    nlohmann::ordered_json& target = object[name] = nlohmann::ordered_json::array();
    for (const T& value : values) {
      FieldWriter below;
      describe(below, value);
      target.push_back(std::move(below.object));
    }
  }
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
};

/// What is missing or of another type keeps its value; `fault` says the first such field, for readers that are strict.
class FieldReader {
 public:
  explicit FieldReader(const nlohmann::ordered_json& object) : object_(object) {}

  template <class T>
  void field(const char* name, T& value, const char* = "", bool = true, const char* = "") {
    const nlohmann::ordered_json* found = find(name);
    if (found != nullptr && !read_value(*found, value)) add_fault(name, " is of another type or out of range");
  }
  template <class T, class Describe>
  void list(const char* name, std::vector<T>& values, const Describe& describe) {
    const nlohmann::ordered_json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_array()) return add_fault(name, " is no list");
    for (const nlohmann::ordered_json& entry : *found) {
      FieldReader below(entry);
      describe(below, values.emplace_back());
      if (!below.fault.empty()) add_fault(name, ": " + below.fault);
    }
  }
  std::string fault;

 private:
  const nlohmann::ordered_json* find(const char* name) {
    const auto found = object_.is_object() ? object_.find(name) : object_.end();
    if (object_.is_object() && found != object_.end()) return &*found;
    add_fault(name, " is missing");
    return nullptr;
  }
  void add_fault(const std::string& name, const std::string& what) {
    if (fault.empty()) fault = name + what;
  }

  const nlohmann::ordered_json& object_;
};

class FieldList {
 public:
  template <class T>
  void field(const char* name, const T&, const char* unit, bool identical, const char* meaning) {
    fields.push_back({.name = name, .unit = unit, .meaning = meaning, .identical = identical});
  }
  std::vector<FieldInfo> fields;
};

}  // namespace muster::spec

// What can be done with a described struct: read it from TOML, write it as a tree, list its keys. A description is a
// template
//   describe(Visitor& visitor, T& value)   that calls   visitor.table(name)   and   visitor.key(name, member, rule,
//   unit, meaning)   and, for a list of tables, visitor.list(name, members, describe_one, meaning)
// once for each key, so that reader, writer and `muster keys` cannot part.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "runtime/base/text.h"
#include "runtime/spec/choices.h"
#include "runtime/spec/toml_reader.h"
#include "runtime/spec/toml_text.h"

namespace muster::spec {

/// What a value may be, beyond its type.
struct Rule {
  double least = -1e300, most = 1e300;
  std::vector<std::string> words;  // of a text that is one of a few
};
inline Rule within(double least, double most) { return {.least = least, .most = most, .words = {}}; }
inline Rule at_least(double least) { return {.least = least, .most = 1e15, .words = {}}; }
inline Rule one_of(std::vector<std::string> words) { return {.words = std::move(words)}; }
inline const Rule kAny{};
inline const Rule kCount = within(1, 1e9);
inline const Rule kCountOrZero = within(0, 1e9);
inline const Rule kDegree = within(1, 4096);

/// Reads what the document has; what it lacks keeps its value.
class ReadVisitor {
 public:
  ReadVisitor(TomlReader& top, KeyPlaces* places) : top_(top), table_(&top), places_(places) {}

  void table(const std::string& name, const std::string&) {
    below_ = std::make_unique<TomlReader>(top_.table(name));
    table_ = below_.get();
    prefix_ = name + ".";
  }
  template <class T, class Describe>
  void list(const std::string& name, std::vector<T>& values, const Describe& describe, const std::string&) {
    if (!table_->has(name)) return;
    const std::string path = prefix_ + name;
    if (places_ != nullptr) places_->keys[path] = table_->place(name);
    values.clear();
    for (TomlReader& reader : table_->tables(name)) {
      ReadVisitor below(reader, places_);
      below.prefix_ = base::text(path, "[", values.size(), "].");
      describe(below, values.emplace_back());
    }
  }
  template <class T>
  void key(const std::string& name, T& value, const Rule& rule, const std::string&, const std::string&) {
    if (places_ != nullptr && table_->has(name)) places_->keys[prefix_ + name] = table_->place(name);
    if constexpr (std::is_enum_v<T>) {
      auto index = static_cast<std::size_t>(value);
      table_->read_choice(name, choice_names<T>(), index);
      value = static_cast<T>(index);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      table_->read(name, value, static_cast<std::int64_t>(rule.least), static_cast<std::int64_t>(rule.most));
    } else if constexpr (std::is_same_v<T, double>) {
      table_->read(name, value, rule.least, rule.most);
    } else if constexpr (std::is_same_v<T, std::string>) {
      read_text(name, value, rule);
    } else {
      table_->read(name, value);
    }
  }

 private:
  void read_text(const std::string& name, std::string& value, const Rule& rule) {
    if (rule.words.empty()) return table_->read(name, value);
    std::size_t index = rule.words.size();
    table_->read_choice(name, rule.words, index);
    if (index < rule.words.size()) value = rule.words[index];
  }

  TomlReader& top_;
  std::unique_ptr<TomlReader> below_;
  TomlReader* table_;
  std::string prefix_;
  KeyPlaces* places_;
};

/// Makes the tree of all values.
class ValueVisitor {
 public:
  void table(const std::string& name, const std::string&) { table_ = &(root[name] = nlohmann::ordered_json::object()); }
  template <class T>
  void key(const std::string& name, const T& value, const Rule&, const std::string&, const std::string&) {
    nlohmann::ordered_json& target = table_ == nullptr ? root[name] : (*table_)[name];
    if constexpr (std::is_enum_v<T>) {
      target = choice_name(value);
    } else {
      target = value;
    }
  }
  template <class T, class Describe>
  void list(const std::string& name, const std::vector<T>& values, const Describe& describe, const std::string&) {
    nlohmann::ordered_json& target = table_ == nullptr ? root[name] : (*table_)[name];
    target = nlohmann::ordered_json::array();
    for (const T& value : values) {
      ValueVisitor below;
      describe(below, value);
      target.push_back(std::move(below.root));
    }
  }
  nlohmann::ordered_json root = nlohmann::ordered_json::object();

 private:
  nlohmann::ordered_json* table_ = nullptr;
};

/// Lists the keys with their defaults.
class KeyVisitor {
 public:
  void table(const std::string& name, const std::string&) { prefix_ = name + "."; }
  template <class T>
  void key(const std::string& name, const T& value, const Rule& rule, const std::string& unit,
           const std::string& meaning) {
    KeyInfo info{.key = prefix_ + name, .unit = unit, .meaning = meaning};
    if constexpr (std::is_enum_v<T>) {
      info.type = "one of " + base::join(choice_names<T>(), " | ");
      info.fallback = toml_value(choice_name(value));
    } else {
      info.type = type_text<T>(rule);
      info.fallback = toml_value(value);
    }
    if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, double>) info.range = range_text(rule);
    keys.push_back(std::move(info));
  }
  template <class T, class Describe>
  void list(const std::string& name, const std::vector<T>&, const Describe& describe, const std::string& meaning) {
    keys.push_back({.key = prefix_ + name, .type = "list of tables", .unit = "", .fallback = "[]", .meaning = meaning});
    KeyVisitor below;
    below.prefix_ = prefix_ + name + "[].";
    const T one;
    describe(below, one);
    keys.insert(keys.end(), below.keys.begin(), below.keys.end());
  }
  std::vector<KeyInfo> keys;

 private:
  template <class T>
  static std::string type_text(const Rule& rule) {
    if constexpr (std::is_same_v<T, bool>) return "yes/no";
    if constexpr (std::is_integral_v<T>) return "integer";
    if constexpr (std::is_same_v<T, double>) return "number";
    if constexpr (std::is_same_v<T, std::string>)
      return rule.words.empty() ? "text" : "one of " + base::join(rule.words, " | ");
    return std::is_same_v<T, std::vector<std::string>> ? "list of text" : "list of integer";
  }
  static std::string bound_text(double bound) {
    return bound == static_cast<double>(static_cast<std::int64_t>(bound))
               ? std::to_string(static_cast<std::int64_t>(bound))
               : toml_value(bound);
  }
  static std::string range_text(const Rule& rule) {
    if (rule.most >= 1e9) return rule.least > -1e300 ? ">= " + bound_text(rule.least) : "";
    return bound_text(rule.least) + " .. " + bound_text(rule.most);
  }

  std::string prefix_;
};

}  // namespace muster::spec

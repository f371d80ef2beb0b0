// A value of a JSON file that knows where it stands ("tokenizer.json: model.merges[12]"), read strictly: a hostile file
// ends in one clear error.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace muster::data {

class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string file, std::string place = "")
      : value_(&value), file_(std::move(file)), place_(std::move(place)) {}

  const nlohmann::json& value() const { return *value_; }
  /// The member `key`. throws: Error::user when this is no object or has no such key.
  JsonNode at(const std::string& key) const;
  /// The element `index` of an array that has it.
  JsonNode at(std::size_t index) const;
  /// Is the member there and not null?
  bool has(const std::string& key) const;
  /// Each element of an array. throws: Error::user.
  void each(const std::function<void(const JsonNode&)>& take) const;

  const std::string& text() const;
  std::int64_t integer(std::int64_t least, std::int64_t most) const;
  bool flag() const;
  bool flag(const std::string& key, bool when_absent) const;
  /// The member "type".
  const std::string& type() const { return at("type").text(); }

  std::string where() const;
  [[noreturn]] void fail(const std::string& what, const std::string& fix = "") const;
  /// "type 'Metaspace' is not supported".
  [[noreturn]] void refuse_type(const std::string& known) const;

 private:
  const nlohmann::json* value_;  // borrowed from the document
  std::string file_, place_;
};

/// throws: Error::user naming file, line and column.
nlohmann::json parse_json(const std::string& text, const std::string& file);

}  // namespace muster::data

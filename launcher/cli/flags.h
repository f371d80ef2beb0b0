// The flags of a verb, each described once beside the field that it fills. Parser, help and completion read this list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace muster::cli {

/// One flag. `fill` gets the values as they were typed, in order: none for a switch.
struct Flag {
  std::string name;     // as typed: "run-dir", or "follow,f" with its letter
  std::string value;    // the word for its value in the help, and what completion offers; empty for a switch
  std::string meaning;  // one line
  std::function<void(const std::vector<std::string>&)> fill;

  std::string long_name() const { return name.substr(0, name.find(',')); }
};

/// Collects the flags of one verb. A field keeps its default where its flag is not typed; all but lists are given once.
class Flags {
 public:
  void add(const std::string& name, const std::string& meaning, bool& field);
  void add(const std::string& name, const std::string& value, const std::string& meaning, std::string& field);
  void add(const std::string& name, const std::string& value, const std::string& meaning, std::filesystem::path& field);
  void add(const std::string& name, const std::string& value, const std::string& meaning,
           std::vector<std::string>& field);
  /// A whole number from 0.
  void add(const std::string& name, const std::string& value, const std::string& meaning,
           std::optional<std::int64_t>& field);
  /// A flag whose one value `take` reads.
  void add(const std::string& name, const std::string& value, const std::string& meaning,
           std::function<void(const std::string&)> take);
  /// A flag that is given as often as one likes, whose values `take` reads.
  void add_list(const std::string& name, const std::string& value, const std::string& meaning,
                std::function<void(const std::vector<std::string>&)> take);

  const std::vector<Flag>& list() const { return list_; }

 private:
  std::vector<Flag> list_;
};

/// throws: Error::user unless `typed` is a whole number from 0, with at most nine digits.
std::int64_t whole_number(const std::string& flag, const std::string& typed);

}  // namespace muster::cli

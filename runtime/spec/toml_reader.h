// Strict and typed reading of TOML: every fault with file:line:column and the nearest known key, all faults in one go.
// And the one declarative schema of job keys, from which reading, writing and `muster keys` are made. toml++ stays in
// the .cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/spec/job.h"

namespace muster::spec {

struct ModelFacts;

/// A parsed TOML document (or a table within it) that knows where everything stands. Keys that nobody asked for are
/// faults when finish() is called. Values out of type or range are added to the faults and the caller's default is
/// kept.
class TomlReader {
 public:
  static TomlReader parse(const std::string& text, const std::string& where, base::Faults& faults);
  /// One override as typed: `key` may be dotted, `value` is a TOML value or a bare word. Every place is "--set
  /// key=value".
  static TomlReader parse_override(const std::string& override_text, base::Faults& faults);
  TomlReader(TomlReader&&) noexcept;
  TomlReader& operator=(TomlReader&&) noexcept;
  ~TomlReader();

  bool has(const std::string& key) const;
  /// "jobs/qwen3.toml:14:1", or the file alone when the key is absent.
  std::string place(const std::string& key) const;
  /// Where this table stands.
  std::string place() const;
  void read(const std::string& key, bool& value);
  void read(const std::string& key, std::int64_t& value, std::int64_t least, std::int64_t most);
  void read(const std::string& key, std::uint64_t& value);
  void read(const std::string& key, double& value, double least, double most);
  void read(const std::string& key, std::string& value);
  void read(const std::string& key, std::vector<std::string>& value);
  void read(const std::string& key, std::vector<std::int64_t>& value);
  /// One of `names`; the index of the name found.
  void read_choice(const std::string& key, const std::vector<std::string>& names, std::size_t& index);
  TomlReader table(const std::string& key);                // an empty one when absent
  std::vector<TomlReader> tables(const std::string& key);  // [[key]]
  std::vector<std::string> keys() const;
  base::Faults& faults();
  /// Adds a fault for each key that was not asked for, here and below.
  void finish();

 private:
  struct State;
  explicit TomlReader(std::unique_ptr<State> state);
  void finish_below(const std::string& key, const void* table, const void* array);
  std::unique_ptr<State> state_;
};

/// One key of a schema, as `muster keys` prints it.
struct KeyInfo {
  std::string key;       // "train.tp"
  std::string type;      // "integer", "number", "text", "yes/no", "one of a | b", "list of text"
  std::string unit;      // "tokens", "s", "" ...
  std::string fallback;  // its default as TOML
  std::string meaning;
  std::string range;  // "1 .. 4096", or empty
};
std::vector<KeyInfo> job_keys();

/// `overrides` are "train.tp=2" as typed after --set (a TOML value, or a bare word for text).
struct JobSource {
  std::string text;
  std::string where;
  std::vector<std::string> overrides;
};
/// Where each key of a job was given, for faults that only show when keys are held against each other.
struct KeyPlaces {
  std::string file;
  std::map<std::string, std::string> keys;  // "train.tp" -> "job.toml:14:1"
  /// The place of `key`, or the file when nobody gave it.
  const std::string& of(const std::string& key) const;
};
/// Reads the shape only; faults are added. What `base` names is read first: a path from the folder of the file that
/// gives it, or a file of `bases_folder` or of jobs/ beside it; it may build on another. `places` (may be null) learns
/// where each key was given.
Job read_job(const JobSource& source, const std::filesystem::path& bases_folder, base::Faults& faults,
             KeyPlaces* places = nullptr);
/// The keys of a job below a table of another document (the plan's [job]).
Job read_job(TomlReader& table, KeyPlaces* places = nullptr);
/// The whole resolved job as TOML, every key with its value.
std::string job_text(const Job& job);
nlohmann::ordered_json job_value(const Job& job);
/// Keys of the job that differ from the default, as (key, TOML value).
std::vector<std::pair<std::string, std::string>> job_differences(const Job& job);

/// What spans keys: degrees, heads, batches, modes. `facts` may be null when the model is not known here.
/// Adds one fault for each violation with its numbers and the fix. Warnings are legal but foolish things.
void check_job(const Job& job, const ModelFacts* facts, const std::string& where, base::Faults& faults,
               std::vector<std::string>& warnings);
void check_job(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
               std::vector<std::string>& warnings);

}  // namespace muster::spec

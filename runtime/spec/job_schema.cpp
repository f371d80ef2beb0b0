#include "runtime/spec/job_schema.h"

#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;

const std::string& KeyPlaces::of(const std::string& key) const {
  const auto found = keys.find(key);
  return found == keys.end() ? file : found->second;
}

std::vector<KeyInfo> job_keys() {
  KeyVisitor visitor;
  const Job defaults;
  describe_job(visitor, defaults);
  return visitor.keys;
}

nlohmann::ordered_json job_value(const Job& job) {
  ValueVisitor visitor;
  describe_job(visitor, job);
  return visitor.root;
}

std::string job_text(const Job& job) { return toml_text(job_value(job)); }

std::vector<std::pair<std::string, std::string>> job_differences(const Job& job) {
  std::vector<std::pair<std::string, std::string>> differences;
  const nlohmann::ordered_json given = job_value(job);
  const nlohmann::ordered_json defaults = job_value(Job{});
  for (const auto& [name, value] : given.items()) {
    if (!value.is_object()) {
      if (value != defaults[name]) differences.emplace_back(name, toml_value(value));
      continue;
    }
    for (const auto& [key, below] : value.items()) {
      if (below != defaults[name][key]) differences.emplace_back(name + "." + key, toml_value(below));
    }
  }
  return differences;
}

namespace {

void read_into(TomlReader& reader, Job& job, KeyPlaces* places) {
  ReadVisitor visitor(reader, places);
  describe_job(visitor, job);
}

/// The name that a document gives as its base, and the place of it. Faults are left to the reading proper.
std::pair<std::string, std::string> base_named_in(const std::string& content, const std::string& where) {
  base::Faults unused;
  TomlReader reader = TomlReader::parse(content, where, unused);
  std::string name;
  reader.read("base", name);
  return {name, reader.place("base")};
}

void add_missing_base(const std::string& name, const std::string& place, const fs::path& folder, base::Faults& faults) {
  std::vector<std::string> known;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) known.push_back(entry.path().stem().string());
  const std::string near = base::nearest(name, known);
  faults.add({.what = text("there is no base \"", name, "\""),
              .where = place,
              .fix = near.empty() ? "bases lie in " + folder.string() : "did you mean \"" + near + "\"?"});
}

/// Reads one file over `job`. A base may not build on another: what a job holds is seen in two files.
void read_document(const std::string& content, const std::string& where, bool is_base, base::Faults& faults, Job& job,
                   KeyPlaces* places) {
  TomlReader reader = TomlReader::parse(content, where, faults);
  if (is_base && reader.has("base"))
    faults.add({.what = "a base builds on another one",
                .where = reader.place("base"),
                .fix = "there is one level: take it out, and name the right base in the job"});
  read_into(reader, job, places);
  reader.finish();
}

/// Reads the file of `name`, if there is one, over `job`.
void read_base(const std::string& name, const std::string& place, const fs::path& folder, base::Faults& faults,
               Job& job, KeyPlaces* places) {
  const fs::path path = folder / (name + ".toml");
  if (name.find('/') != std::string::npos || !base::is_there(path))
    return add_missing_base(name, place, folder, faults);
  read_document(base::read_file(path), path.string(), true, faults, job, places);
}

}  // namespace

Job read_job(const JobSource& source, const fs::path& bases_folder, base::Faults& faults, KeyPlaces* places) {
  Job job;
  if (places != nullptr) places->file = source.where;
  const auto [name, place] = base_named_in(source.text, source.where);
  if (!name.empty()) read_base(name, place, bases_folder, faults, job, places);
  read_document(source.text, source.where, false, faults, job, places);
  for (const std::string& typed : source.overrides) {
    TomlReader reader = TomlReader::parse_override(typed, faults);
    if (reader.has("base")) {
      faults.add({.what = "base cannot be overridden", .where = "--set " + typed, .fix = "write it into the job file"});
    }
    read_into(reader, job, places);
    reader.finish();
  }
  return job;
}

Job read_job(TomlReader& table, KeyPlaces* places) {
  Job job;
  read_into(table, job, places);
  return job;
}

}  // namespace muster::spec

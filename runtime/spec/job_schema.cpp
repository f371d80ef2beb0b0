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

struct Document {
  std::string content, where;
};

/// The name that a document gives as its base, and the place of it. Faults are left to the reading proper.
std::pair<std::string, std::string> base_named_in(const Document& document) {
  base::Faults unused;
  TomlReader reader = TomlReader::parse(document.content, document.where, unused);
  std::string name;
  reader.read("base", name);
  return {name, reader.place("base")};
}

bool is_path(const std::string& name) { return name.find('/') != std::string::npos || name.ends_with(".toml"); }

/// The file that `name` means: a path counts from the folder of the file that gives it, a bare name is a shipped base
/// or job. Empty when there is none.
fs::path base_file(const std::string& name, const fs::path& giver, const fs::path& bases_folder) {
  std::vector<fs::path> places{bases_folder / (name + ".toml"), bases_folder.parent_path() / "jobs" / (name + ".toml")};
  if (is_path(name)) places = {base::resolved_path(name, giver.parent_path())};
  std::error_code no_name;  // too long, below a file
  for (const fs::path& place : places)
    if (fs::is_regular_file(place, no_name)) return place;
  return {};
}

base::Fault missing_base(const std::string& name, const std::string& place, const fs::path& bases_folder) {
  if (is_path(name))
    return {.what = text("there is no base \"", name, "\""),
            .where = place,
            .fix = "the path counts from the folder of the file that names it"};
  std::vector<std::string> known;
  std::error_code ignored;
  for (const fs::path& folder : {bases_folder, bases_folder.parent_path() / "jobs"})
    for (const auto& entry : fs::directory_iterator(folder, ignored)) known.push_back(entry.path().stem().string());
  const std::string near = base::nearest(name, known);
  return {.what = text("there is no base \"", name, "\""),
          .where = place,
          .fix = text(near.empty() ? "" : "did you mean \"" + near + "\"? ",
                      "a base is the path of a job (\"./mine.toml\"), or a shipped base or job")};
}

/// The document and all that it builds on, itself first.
std::vector<Document> documents_of(const JobSource& source, const fs::path& bases_folder, base::Faults& faults) {
  std::vector<Document> documents{{source.text, source.where}};
  for (;;) {
    const auto [name, place] = base_named_in(documents.back());
    if (name.empty()) return documents;
    const fs::path file = base_file(name, documents.back().where, bases_folder);
    if (file.empty()) {
      faults.add(missing_base(name, place, bases_folder));
      return documents;
    }
    std::error_code not_there;
    for (const Document& before : documents)
      if (fs::equivalent(before.where, file, not_there)) {
        faults.add({.what = text("the bases go in a circle: \"", name, "\" builds on this file"),
                    .where = place,
                    .fix = "take one of the base lines out"});
        return documents;
      }
    documents.push_back({base::read_file(file), file.string()});
  }
}

}  // namespace

Job read_job(const JobSource& source, const fs::path& bases_folder, base::Faults& faults, KeyPlaces* places) {
  Job job;
  if (places != nullptr) places->file = source.where;
  const std::vector<Document> documents = documents_of(source, bases_folder, faults);
  for (auto document = documents.rbegin(); document != documents.rend(); ++document) {
    TomlReader reader = TomlReader::parse(document->content, document->where, faults);
    read_into(reader, job, places);
    reader.finish();
  }
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

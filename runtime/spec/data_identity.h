// Which data a run has been trained on: RUN/data_identity.json. Order and held-out part follow from the rows, so an
// attempt that finds other rows than the one before it would repeat some and skip others; it is refused unless a person
// accepted the change (`--data-changed`).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace muster::spec {

struct DataFileFacts {
  std::string path;
  std::int64_t size_bytes = 0, time_ns = 0;
  bool operator==(const DataFileFacts&) const = default;
};

struct SourceIdentity {
  std::string path;  // as the plan has it
  std::vector<DataFileFacts> files;
  std::int64_t rows = 0;
  std::string digest;  // of every line in its order
  bool operator==(const SourceIdentity&) const = default;
};

struct DataIdentity {
  std::vector<SourceIdentity> sources;  // those that are files
  std::int64_t accepted_changes = 0;
  bool operator==(const DataIdentity&) const = default;
};

/// throws: Error::user when the file cannot be looked at.
DataFileFacts data_file_facts(const std::string& path);

std::filesystem::path data_identity_file(const std::filesystem::path& run_folder);
/// None where no attempt has read its data yet. throws: Error::user when the file is broken.
std::optional<DataIdentity> read_data_identity(const std::filesystem::path& run_folder);

/// One sentence for each source whose rows are not those of `before`; a file that was only touched or moved to other
/// shards is the same.
std::vector<std::string> data_changes(const DataIdentity& before, const DataIdentity& now);

/// The next attempt may find other data: what it found before is set aside.
void accept_data_change(const std::filesystem::path& run_folder);
/// Holds `now` against the attempt before and keeps it. Returns the changes that a person accepted.
/// throws: Error::user naming what changed, when nobody did.
std::vector<std::string> keep_data_identity(const std::filesystem::path& run_folder, DataIdentity now);

}  // namespace muster::spec

// The epoch file of a run folder: which attempt owns it. A job id with its restart count is not unique, so each attempt
// has a random id; it raises the file before it touches anything, and whoever publishes re-reads it first and stops
// when it is not its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace muster::spec {

struct Epoch {
  std::int64_t attempt = 0;
  std::string id;                // random, equal to Placement::attempt_id
  std::string host;              // where the attempt's supervisor runs
  std::string boot_id;           // of that host
  std::int64_t pid = 0;          // the supervisor
  std::int64_t start_ticks = 0;  // of that process (base::ProcessFacts); 0 in files of older versions
  bool operator==(const Epoch&) const = default;
};

std::string epoch_text(const Epoch& epoch);  // one JSON object
/// throws: Error::user naming `where`.
Epoch parse_epoch(const std::string& text, const std::string& where);

/// The attempt that owns the folder now; none when no attempt was ever begun there. throws: Error::user when the file
/// is broken.
std::optional<Epoch> current_epoch(const std::filesystem::path& run_folder);
/// Before publishing records, weights or checkpoints. throws: Error::rank when another attempt has taken the folder,
/// Error::user when the folder or its epoch file is gone.
void check_epoch(const std::filesystem::path& run_folder, const std::string& attempt_id);

/// Whether the epoch file is certainly not there: the folder was removed or moved. A file system that does not answer
/// is no such proof.
bool is_removed(const std::filesystem::path& run_folder);
/// Is the supervisor that the epoch names alive on this machine (and not this process)?
bool is_alive_here(const Epoch& epoch);

/// The boot id of this machine; "" where the kernel does not tell.
std::string this_boot_id();
std::string this_host();

}  // namespace muster::spec

// What addresses in another process mean: which file is mapped there, and which function of it, as the ELF files say.
// Reads /proc and those files; needs no right over the process beyond the same user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace muster::base {

struct CodePlace {
  std::string module;  // the file that is mapped there, or ""
  std::uint64_t address =
      0;               // within it, as `addr2line -e module` takes it; the process's own where there is no module
  std::string symbol;  // of the function, mangled, or "" where the module's tables do not tell
  bool operator==(const CodePlace&) const = default;
};

/// In the order of `addresses`, each one inside the instruction that is meant (of a caller: return address - 1). Never
/// throws: what cannot be read is left out.
std::vector<CodePlace> code_places(pid_t pid, const std::vector<std::uint64_t>& addresses);

/// The symbols of one ELF file (64 bit, of this machine's byte order) that hold the addresses; "" where none does.
std::vector<std::string> symbols_at(const std::filesystem::path& module, const std::vector<std::uint64_t>& addresses);

}  // namespace muster::base

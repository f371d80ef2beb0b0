#include "runtime/base/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <span>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace {

// A file in memory, read only. Empty when it cannot be read.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat facts {};
    if (!file || ::fstat(file.get(), &facts) != 0 || facts.st_size <= 0) return;
    void* memory = ::mmap(nullptr, static_cast<std::size_t>(facts.st_size), PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (memory == MAP_FAILED) return;
    bytes_ = {static_cast<const char*>(memory), static_cast<std::size_t>(facts.st_size)};
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }
  MappedFile(const MappedFile&) = delete;

  // `count` objects at `offset`; none when the file does not hold them all.
  template <class T>
  std::span<const T> at(std::uint64_t offset, std::uint64_t count) const {
    if (offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T) || offset % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(bytes_.data() + offset), static_cast<std::size_t>(count)};
  }
  // The text at `offset`, up to its 0.
  std::string text_at(std::uint64_t offset) const {
    if (offset >= bytes_.size()) return "";
    return {bytes_.data() + offset, ::strnlen(bytes_.data() + offset, bytes_.size() - offset)};
  }

 private:
  std::span<const char> bytes_;
};

class ElfFile {
 public:
  explicit ElfFile(const std::filesystem::path& path) : file_(path) {
    const std::span<const Elf64_Ehdr> header = file_.at<Elf64_Ehdr>(0, 1);
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
        header[0].e_ident[EI_CLASS] != ELFCLASS64)
      return;
    segments_ = file_.at<Elf64_Phdr>(header[0].e_phoff, header[0].e_phnum);
    sections_ = file_.at<Elf64_Shdr>(header[0].e_shoff, header[0].e_shnum);
  }

  // The module's own address of a byte of the file.
  std::uint64_t address_of(std::uint64_t offset) const {
    for (const Elf64_Phdr& segment : segments_)
      if (segment.p_type == PT_LOAD && offset >= segment.p_offset && offset - segment.p_offset < segment.p_filesz)
        return offset - segment.p_offset + segment.p_vaddr;
    return offset;
  }

  std::vector<std::string> symbols(const std::vector<std::uint64_t>& addresses) const {
    std::vector<std::string> names(addresses.size());
    for (const std::uint32_t kind : {SHT_SYMTAB, SHT_DYNSYM})
      for (const Elf64_Shdr& section : sections_)
        if (section.sh_type == kind && section.sh_link < sections_.size())
          find(file_.at<Elf64_Sym>(section.sh_offset, section.sh_size / sizeof(Elf64_Sym)),
               sections_[section.sh_link].sh_offset, addresses, names);
    return names;
  }

 private:
  void find(std::span<const Elf64_Sym> table, std::uint64_t texts, const std::vector<std::uint64_t>& addresses,
            std::vector<std::string>& names) const {
    std::vector<std::pair<std::uint64_t, std::size_t>> wanted;
    for (std::size_t i = 0; i < addresses.size(); ++i)
      if (names[i].empty()) wanted.emplace_back(addresses[i], i);
    std::sort(wanted.begin(), wanted.end());
    for (const Elf64_Sym& symbol : table) {
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0) continue;
      for (auto it = std::lower_bound(wanted.begin(), wanted.end(), std::pair{symbol.st_value, std::size_t{0}});
           it != wanted.end() && it->first - symbol.st_value < symbol.st_size; ++it)
        names[it->second] = file_.text_at(texts + symbol.st_name);
    }
  }

  MappedFile file_;
  std::span<const Elf64_Phdr> segments_;
  std::span<const Elf64_Shdr> sections_;
};

struct Mapping {
  std::uint64_t begin = 0, end = 0, offset = 0;
  std::string file;
};

// Those of files alone: "[stack]" and anonymous memory hold no code that has a name.
std::vector<Mapping> mappings_of(pid_t pid) {
  std::vector<Mapping> mappings;
  try {
    for (const std::string& line : split(read_file(text("/proc/", pid, "/maps")), '\n')) {
      Mapping one;
      int path = 0;
      if (std::sscanf(line.c_str(), "%lx-%lx %*s %lx %*s %*s %n", &one.begin, &one.end, &one.offset, &path) < 3)
        continue;
      one.file = line.substr(std::min(line.size(), static_cast<std::size_t>(path)));
      if (one.file.starts_with("/")) mappings.push_back(std::move(one));
    }
  } catch (const Error&) {
    mappings.clear();  // the process has ended
  }
  return mappings;
}

}  // namespace

std::vector<CodePlace> code_places(pid_t pid, const std::vector<std::uint64_t>& addresses) {
  const std::vector<Mapping> mappings = mappings_of(pid);
  std::vector<CodePlace> places(addresses.size());
  std::map<std::string, std::vector<std::size_t>> of_module;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    places[i].address = addresses[i];
    for (const Mapping& mapping : mappings)
      if (addresses[i] >= mapping.begin && addresses[i] < mapping.end) {
        places[i].module = mapping.file;
        places[i].address = addresses[i] - mapping.begin + mapping.offset;
        of_module[mapping.file].push_back(i);
      }
  }
  for (const auto& [module, indices] : of_module) {
    const ElfFile file(module);
    std::vector<std::uint64_t> own;
    for (const std::size_t i : indices) own.push_back(places[i].address = file.address_of(places[i].address));
    const std::vector<std::string> names = file.symbols(own);
    for (std::size_t k = 0; k < indices.size(); ++k) places[indices[k]].symbol = names[k];
  }
  return places;
}

std::vector<std::string> symbols_at(const std::filesystem::path& module, const std::vector<std::uint64_t>& addresses) {
  return ElfFile(module).symbols(addresses);
}

}  // namespace muster::base

// The header of a safetensors file of anybody: refused with an Error of kind user, or entries that lie within the data.
#include <cstdlib>
#include <string>

#include "runtime/base/error.h"
#include "runtime/weights/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  constexpr std::int64_t kDataBytes = 32;
  try {
    const std::string header(data, data + size);
    const auto begin = static_cast<std::int64_t>(8 + size);
    for (const auto& [name, entry] : weights::parse_header(header, begin, kDataBytes, "model.safetensors"))
      if (entry.begin < begin || entry.end < entry.begin || entry.end > begin + kDataBytes) std::abort();
  } catch (const Error& error) {
    if (error.kind() != base::ErrorKind::user) throw;
  }
  return 0;
}

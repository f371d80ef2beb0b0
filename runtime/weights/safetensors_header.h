// The header of a safetensors file as text: read with every check that hostile input needs, and written. No tensors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/weights/safetensors.h"

namespace muster::weights {

/// `header`: the JSON text; data_begin: where the bytes begin in the file; data_bytes: how many there are. `where`: the
/// file, for messages. Offsets of the entries are within the file. throws: Error::user naming file and tensor, all
/// faults in one go.
std::map<std::string, TensorEntry> parse_header(std::string_view header, std::int64_t data_begin,
                                                std::int64_t data_bytes, const std::string& where);
/// Length prefix and JSON, padded so that the data is aligned to 64 bytes. Tensors lie in the order given.
std::string header_text(const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                        const std::map<std::string, std::string>& metadata);

}  // namespace muster::weights

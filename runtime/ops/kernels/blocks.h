// How attention is cut into blocks: shared by the kernels of every level and by those who size their scratch.
#pragma once

#include <cstdint>

namespace muster::ops {

/// Rows of scratch are a multiple of 16 floats, whatever the level.
inline std::int64_t padded(std::int64_t count) { return (count + 15) / 16 * 16; }

/// Query tokens of one block: about 48 rows (tokens x heads of the group), fewer where the rows are long.
inline std::int64_t block_tokens(std::int64_t padded_keys, std::int64_t heads_of_group) {
  const std::int64_t rows = padded_keys <= 2048 ? 48 : 16;
  return rows / heads_of_group > 0 ? rows / heads_of_group : 1;
}

}  // namespace muster::ops

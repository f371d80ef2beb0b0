// A checksum of a tensor that does not depend on how it is cut: each side of a refit sums over its own pieces.
//
// sum over elements of key(i) * bits_i modulo 2^64, i the index in the whole tensor, key(i) an odd number mixed from i.
// Any single changed element is always seen: an odd number times a difference below 2^32 is never 0 modulo 2^64. Where
// several elements differ, the sum of key(i) * d_i vanishes for mixed keys about once in 2^64 / 2^z, z the number of
// zero bits below the lowest changed one: at worst (only sign bits changed) 2^-32, and about 2^-60 for arbitrary
// changes, two exchanged elements among them. It guards against faults, not against forgers.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/spec/parameters.h"

namespace at {
class Tensor;
}

namespace muster::refit {

/// Of `count` neighbours whose first has index `first` in the whole tensor.
std::uint64_t checksum_of_run(const std::uint32_t* bits, std::int64_t count, std::uint64_t first);
std::uint64_t checksum_of_run(const std::uint16_t* bits, std::int64_t count, std::uint64_t first);

/// The share of `box` in the checksum of a tensor of `shape`. piece: the box's elements, contiguous, of 2 or 4 bytes
/// each.
std::uint64_t checksum_of(const at::Tensor& piece, const spec::Box& box, std::span<const std::int64_t> shape);

}  // namespace muster::refit

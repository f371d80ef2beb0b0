// The one source of random numbers: Philox4x32-10, a function of a key and a counter. Nothing here has a state, so a
// number depends only on what it is for (seed, step, sample, position), never on rank, batch or order.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace muster::base {

/// What a number is drawn for; two purposes never share numbers.
enum class Purpose : std::uint32_t {
  sampling = 1,
  data_order = 2,
  initial_weights = 3,
  shuffle = 4,
  synthetic = 5,
  test = 99
};

/// source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox4x32-10).
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// A stream of numbers keyed by (seed, purpose, a, b, c): `at(i)` is the i-th block of four 32-bit words.
class RandomKey {
 public:
  RandomKey(std::uint64_t seed, Purpose purpose, std::uint64_t a = 0, std::uint64_t b = 0);
  std::array<std::uint32_t, 4> at(std::uint64_t index) const;
  /// Uniform in (0, 1), never 0 nor 1; from word `word` (0..3) of block `index`.
  double uniform(std::uint64_t index, int word = 0) const;
  /// Standard normal by Box-Muller from block `index`.
  double normal(std::uint64_t index) const;
  /// at(i) is philox({low word of i, high word of i, stream()[0], stream()[1]}, key()): for loops that draw many blocks
  /// at once.
  const std::array<std::uint32_t, 2>& key() const { return key_; }
  const std::array<std::uint32_t, 2>& stream() const { return stream_; }

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 2> stream_;
};

/// A permutation of 0..count-1 drawn from `key` (Fisher-Yates).
std::vector<std::int64_t> permutation(const RandomKey& key, std::int64_t count);

/// A mixing of 64 bits (splitmix64's finaliser): for hashes that must not depend on order.
std::uint64_t mix64(std::uint64_t value);
/// FNV-1a of bytes, mixed.
std::uint64_t hash_bytes(const void* bytes, std::size_t size);
/// `count` random bytes of the operating system as lower-case hex: keys and attempt ids, never numerics.
std::string random_hex(int count);

}  // namespace muster::base

#include "runtime/base/random.h"

#include <sys/random.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "runtime/base/error.h"

namespace muster::base {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t low = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t high = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(high >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(high),
               static_cast<std::uint32_t>(low >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(low)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

RandomKey::RandomKey(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b) {
  const std::uint64_t key = mix64(seed ^ (std::uint64_t{static_cast<std::uint32_t>(purpose)} << 56));
  const std::uint64_t stream = mix64(mix64(a + 1) + 0x9E3779B97F4A7C15 * (b + 1));
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
  stream_ = {static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
}

std::array<std::uint32_t, 4> RandomKey::at(std::uint64_t index) const {
  return philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), stream_[0], stream_[1]},
                key_);
}

double RandomKey::uniform(std::uint64_t index, int word) const {
  return (static_cast<double>(at(index)[word]) + 0.5) * 0x1p-32;
}

double RandomKey::normal(std::uint64_t index) const {
  const auto words = at(index);
  const double u = (static_cast<double>(words[0]) + 0.5) * 0x1p-32;
  const double v = (static_cast<double>(words[1]) + 0.5) * 0x1p-32;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

std::vector<std::int64_t> permutation(const RandomKey& key, std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::uint64_t left = order.size(); left > 1; --left) {
    const auto words = key.at(left);
    const std::uint64_t draw = (std::uint64_t{words[0]} << 32 | words[1]) % left;
    std::swap(order[left - 1], order[draw]);
  }
  return order;
}

std::uint64_t mix64(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

std::uint64_t hash_bytes(const void* bytes, std::size_t size) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001B3;
  return mix64(hash);
}

std::string random_hex(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    unsigned char byte = 0;
    INVARIANT(getrandom(&byte, 1, 0) == 1, "the system gives random bytes");
    constexpr const char* kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace muster::base

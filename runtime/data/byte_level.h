// The alphabet of byte-level BPE: each byte stands as one printable character in the vocabulary.
// source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (the byte alphabet of GPT-2).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace muster::data {

/// The character (as UTF-8) of each byte.
const std::array<std::string, 256>& byte_level_alphabet();
/// Bytes as they are spelled in a vocabulary.
std::string byte_level_text(std::string_view bytes);
/// Back; none when a character is not of the alphabet. `token` is valid UTF-8.
std::optional<std::string> byte_level_bytes(std::string_view token);

}  // namespace muster::data

// What client and server of the rendezvous say to each other, and the proof that both know the key. Internal to comm/.
//
//   server -> client   magic (8), server's nonce (32)
//   client -> server   client's nonce (32), proof("client", server's nonce, client's nonce) (32)
//   server -> client   proof("server", client's nonce, server's nonce) (32)
// then requests {op u8, key length u32, value length u32, key, value} and replies {status u8, length u32, value}, in
// order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::comm {

inline constexpr std::string_view kStoreMagic = "MUSTER01";
inline constexpr std::size_t kNonceBytes = 32, kProofBytes = 32;
inline constexpr std::size_t kRequestHeader = 9, kReplyHeader = 5;
inline constexpr std::uint32_t kMaxField = 64u << 20;

enum class StoreOp : std::uint8_t { set = 1, get, find, add, append, compare_set, remove };

/// HMAC-SHA-256(key, role + first + second), 32 bytes.
std::string store_proof(std::string_view key, std::string_view role, std::string_view first, std::string_view second);
/// Compares without telling by its time where they differ.
bool same_proof(std::string_view a, std::string_view b);
std::string fresh_nonce();

std::string request_frame(StoreOp op, std::string_view key, std::string_view value);
std::string reply_frame(bool found, std::string_view value);
std::uint32_t read_u32(const char* bytes);
/// Two texts in one value, for compare_set.
std::string pair_text(std::string_view first, std::string_view second);

}  // namespace muster::comm

#include "runtime/comm/store_protocol.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstring>

#include "runtime/base/error.h"

namespace muster::comm {
namespace {

void put_u32(std::string& out, std::size_t value) {
  INVARIANT(value <= kMaxField, "a key or value of the store is below 64 MiB");
  const auto number = static_cast<std::uint32_t>(value);
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

std::string store_proof(std::string_view key, std::string_view role, std::string_view first, std::string_view second) {
  std::string message(role);
  message.append(first).append(second);
  unsigned char proof[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size(), proof, &size);
  INVARIANT(done != nullptr && size == kProofBytes, "HMAC-SHA-256 gives 32 bytes");
  return {reinterpret_cast<const char*>(proof), size};
}

bool same_proof(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string fresh_nonce() {
  std::string nonce(kNonceBytes, '\0');
  INVARIANT(RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), static_cast<int>(nonce.size())) == 1,
            "random bytes are there");
  return nonce;
}

std::string request_frame(StoreOp op, std::string_view key, std::string_view value) {
  std::string frame(1, static_cast<char>(op));
  put_u32(frame, key.size());
  put_u32(frame, value.size());
  return frame.append(key).append(value);
}

std::string reply_frame(bool found, std::string_view value) {
  std::string frame(1, found ? 1 : 0);
  put_u32(frame, value.size());
  return frame.append(value);
}

std::uint32_t read_u32(const char* bytes) {
  std::uint32_t number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

std::string pair_text(std::string_view first, std::string_view second) {
  std::string out;
  put_u32(out, first.size());
  return out.append(first).append(second);
}

}  // namespace muster::comm

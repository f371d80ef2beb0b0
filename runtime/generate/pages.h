// The pages of the cache by number: who holds how many of them. No tensors: the keys and values lie in cache.h.
#pragma once

#include <cstdint>
#include <vector>

namespace muster::generate {

/// Pages with reference counts. A page is shared by the samples that read it, and written only by one that holds it
/// alone.
class PagePool {
 public:
  explicit PagePool(std::int64_t num_pages);

  std::int64_t num_pages() const { return std::ssize(references_); }
  std::int64_t num_free() const { return std::ssize(free_); }
  std::int32_t references(std::int32_t page) const { return references_[page]; }

  /// A free page, held once. throws: a defect when none is free: ask num_free() first.
  std::int32_t allocate();
  /// One more holder.
  void share(std::int32_t page);
  /// One holder less; the last one frees the page.
  void release(std::int32_t page);

 private:
  std::vector<std::int32_t> references_;  // of each page; 0: free
  std::vector<std::int32_t> free_;        // last in, first out: the same order on every rank
};

/// Pages that hold `tokens` keys.
inline std::int64_t pages_of(std::int64_t tokens, std::int64_t page_tokens) {
  return (tokens + page_tokens - 1) / page_tokens;
}

}  // namespace muster::generate

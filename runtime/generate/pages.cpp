#include "runtime/generate/pages.h"

#include "runtime/base/error.h"

namespace muster::generate {

PagePool::PagePool(std::int64_t num_pages) : references_(static_cast<std::size_t>(num_pages), 0) {
  free_.reserve(references_.size());
  for (std::int64_t page = num_pages; page-- > 0;) free_.push_back(static_cast<std::int32_t>(page));
}

std::int32_t PagePool::allocate() {
  INVARIANT(!free_.empty(), "the scheduler counts the free pages before it takes one");
  const std::int32_t page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  return page;
}

void PagePool::share(std::int32_t page) {
  INVARIANT(references(page) > 0, "only a page that someone holds can be shared");
  ++references_[page];
}

void PagePool::release(std::int32_t page) {
  INVARIANT(references(page) > 0, "a page is released once by each holder");
  if (--references_[page] == 0) free_.push_back(page);
}

}  // namespace muster::generate

#include "runtime/loop/balance.h"

#include <algorithm>
#include <map>

namespace muster::loop {

std::vector<std::vector<std::int64_t>> balance_samples(std::span<const std::int64_t> members,
                                                       std::span<const std::int64_t> tokens,
                                                       std::int64_t samples_per_prompt, std::int64_t num_ranks) {
  struct Item {
    std::vector<std::int64_t> samples;
    std::int64_t tokens = 0;
  };
  std::map<std::int64_t, Item> groups;
  for (const std::int64_t member : members) {
    Item& item = groups[member / samples_per_prompt];
    item.samples.push_back(member);
    item.tokens += tokens[member];
  }
  std::vector<Item> items;
  if (std::ssize(groups) >= num_ranks) {
    for (auto& [group, item] : groups) items.push_back(std::move(item));
  } else {
    for (const std::int64_t member : members) items.push_back({{member}, tokens[member]});
  }
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.tokens > b.tokens; });

  std::vector<std::vector<std::int64_t>> shares(static_cast<std::size_t>(num_ranks));
  std::vector<std::int64_t> load(static_cast<std::size_t>(num_ranks), 0);
  for (const Item& item : items) {
    const auto lightest = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    shares[lightest].insert(shares[lightest].end(), item.samples.begin(), item.samples.end());
    load[lightest] += item.tokens;
  }
  for (auto& share : shares) std::sort(share.begin(), share.end());
  return shares;
}

}  // namespace muster::loop

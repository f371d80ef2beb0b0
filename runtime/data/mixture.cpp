#include "runtime/data/mixture.h"

#include <algorithm>
#include <numeric>

#include "runtime/base/random.h"

namespace muster::data {
namespace {

using base::permutation;
using base::Purpose;
using base::RandomKey;

std::int64_t count_of(const MixtureSource& source) { return std::ssize(source.rows); }

/// `quota` rows of a source from its running number `first` on: permutation `first / rows` at `first % rows`, and so
/// on.
std::vector<std::int64_t> rows_from(const MixtureSource& source, std::uint64_t number, std::uint64_t seed,
                                    std::int64_t first, std::int64_t quota, bool shuffle) {
  const std::int64_t count = count_of(source);
  std::vector<std::int64_t> taken, order;
  taken.reserve(static_cast<std::size_t>(quota));
  for (std::int64_t running = first; running < first + quota; ++running) {
    if (shuffle && (order.empty() || running % count == 0))
      order = permutation(RandomKey(seed, Purpose::data_order, static_cast<std::uint64_t>(running / count), number + 1),
                          count);
    const std::int64_t place = running % count;
    taken.push_back(source.rows[shuffle ? order[place] : place]);
  }
  return taken;
}

/// The source of each place of an epoch, each as often as its quota says.
std::vector<std::size_t> labels_of(const std::vector<std::int64_t>& quotas, std::uint64_t seed, std::int64_t epoch,
                                   bool shuffle) {
  const std::int64_t all = std::accumulate(quotas.begin(), quotas.end(), std::int64_t{0});
  std::vector<std::size_t> labels;
  if (shuffle) {
    for (std::size_t s = 0; s < quotas.size(); ++s) labels.insert(labels.end(), static_cast<std::size_t>(quotas[s]), s);
    const std::vector<std::size_t> sorted = labels;
    const auto order =
        permutation(RandomKey(seed, Purpose::data_order, static_cast<std::uint64_t>(epoch), ~std::uint64_t{0}), all);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = sorted[order[i]];
    return labels;
  }
  // The source that is furthest behind its share comes next.
  std::vector<std::int64_t> taken(quotas.size(), 0);
  for (std::int64_t place = 1; place <= all; ++place) {
    std::size_t next = 0;
    for (std::size_t s = 1; s < quotas.size(); ++s)
      if (quotas[s] * place - taken[s] * all > quotas[next] * place - taken[next] * all) next = s;
    ++taken[next];
    labels.push_back(next);
  }
  return labels;
}

}  // namespace

std::vector<std::int64_t> epoch_quotas(const std::vector<MixtureSource>& sources) {
  std::int64_t all = 0;
  double weights = 0;
  for (const MixtureSource& source : sources) {
    all += count_of(source);
    weights += source.weight;
  }
  std::vector<std::int64_t> quotas(sources.size());
  if (weights == 0) {
    for (std::size_t s = 0; s < sources.size(); ++s) quotas[s] = count_of(sources[s]);
    return quotas;
  }
  std::vector<std::pair<double, std::size_t>> remainders;
  std::int64_t left = all;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const double share = static_cast<double>(all) * sources[s].weight / weights;
    quotas[s] = static_cast<std::int64_t>(share);
    left -= quotas[s];
    remainders.emplace_back(static_cast<double>(quotas[s]) - share, s);
  }
  std::sort(remainders.begin(), remainders.end());
  for (std::size_t i = 0; left > 0; ++i, --left) ++quotas[remainders[i % remainders.size()].second];
  return quotas;
}

std::vector<std::int64_t> epoch_order(const std::vector<MixtureSource>& sources, std::uint64_t seed, std::int64_t epoch,
                                      bool shuffle) {
  if (sources.size() == 1) {
    std::vector<std::int64_t> order = sources[0].rows;
    if (!shuffle) return order;
    const auto places =
        permutation(RandomKey(seed, Purpose::data_order, static_cast<std::uint64_t>(epoch)), count_of(sources[0]));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = sources[0].rows[places[i]];
    return order;
  }
  const std::vector<std::int64_t> quotas = epoch_quotas(sources);
  std::vector<std::vector<std::int64_t>> rows;
  for (std::size_t s = 0; s < sources.size(); ++s)
    rows.push_back(rows_from(sources[s], s, seed, epoch * quotas[s], quotas[s], shuffle));
  std::vector<std::int64_t> order;
  std::vector<std::size_t> next(sources.size(), 0);
  for (const std::size_t s : labels_of(quotas, seed, epoch, shuffle)) order.push_back(rows[s][next[s]++]);
  return order;
}

}  // namespace muster::data

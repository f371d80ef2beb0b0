// A block of CUDA threads played on the host, thread by thread, so that kernel bodies run where there is no GPU. Sums
// are made in the order in which the device makes them: pairs of lanes, then warps; reductions by a tree.
#pragma once

#include <vector>

namespace muster::ops::cuda {

class HostBlock {
 public:
  explicit HostBlock(int num_threads) : num_threads_(num_threads) {}
  int size() const { return num_threads_; }

  template <class Work>
  void each(const Work& work) const {
    for (int thread = 0; thread < num_threads_; ++thread) work(thread);
  }

  template <class Work>
  float sum(const Work& work) const {
    float all = 0;
    for (int warp = 0; warp < num_threads_; warp += 32) {
      float lanes[32];
      for (int lane = 0; lane < 32; ++lane) lanes[lane] = work(warp + lane);
      for (int distance = 16; distance > 0; distance /= 2)
        for (int lane = 0; lane < distance; ++lane) lanes[lane] += lanes[lane + distance];
      all += lanes[0];
    }
    return all;
  }

  template <class Work, class Combine>
  auto reduce(const Work& work, const Combine& combine) const {
    std::vector<decltype(work(0))> parts;
    for (int thread = 0; thread < num_threads_; ++thread) parts.push_back(work(thread));
    for (int distance = num_threads_ / 2; distance > 0; distance /= 2)
      for (int thread = 0; thread < distance; ++thread)
        parts[thread] = combine(parts[thread], parts[thread + distance]);
    return parts[0];
  }

 private:
  int num_threads_;
};

}  // namespace muster::ops::cuda

// OpenMP, as ATen uses it: the same thread pool, so that idle threads of a second one do not spin beside it. This file
// alone is compiled for OpenMP; ATen's own at::parallel_for would run on one thread in files that are not.
#include "runtime/ops/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>

namespace at {
int get_num_threads();
bool in_parallel_region();
}  // namespace at

#ifdef __SANITIZE_THREAD__
extern "C" void __tsan_acquire(void* place);
extern "C" void __tsan_release(void* place);
#else
inline void __tsan_acquire(void*) {}
inline void __tsan_release(void*) {}
#endif

namespace muster::ops {
namespace {

/// body(thread) on `threads` threads. The thread sanitizer does not see libgomp's barriers: it is told of them here,
/// and does not look at what the compiler hands to the team.
__attribute__((no_sanitize("thread"))) void run_team(int threads, const std::function<void(int thread)>& body) {
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  std::exception_ptr failure;
  char begun = 0, ended = 0;
  __tsan_release(&begun);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int thread = 0; thread < threads; ++thread) {
    __tsan_acquire(&begun);
    try {
      body(thread);
    } catch (...) {  // kept and raised again below: none may leave the team
      if (!failed.test_and_set()) failure = std::current_exception();
    }
    __tsan_release(&ended);
  }
  __tsan_acquire(&ended);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

int num_threads() { return at::in_parallel_region() ? 1 : at::get_num_threads(); }

void parallel_rows(std::int64_t rows, std::int64_t grain,
                   const std::function<void(std::int64_t, std::int64_t, int)>& body) {
  if (rows <= 0) return;
  const auto threads = static_cast<int>(
      std::min<std::int64_t>(num_threads(), std::max<std::int64_t>(1, rows / std::max<std::int64_t>(1, grain))));
  if (threads == 1) return body(0, rows, 0);
  run_team(threads, [&](int thread) { body(rows * thread / threads, rows * (thread + 1) / threads, thread); });
}

void parallel_tasks(std::int64_t num_tasks, const std::function<void(std::int64_t, int)>& body) {
  const auto threads = static_cast<int>(std::min<std::int64_t>(num_threads(), num_tasks));
  if (threads <= 1) {
    for (std::int64_t task = 0; task < num_tasks; ++task) body(task, 0);
    return;
  }
  std::atomic<std::int64_t> next{0};
  run_team(threads, [&](int thread) {
    for (std::int64_t task = next++; task < num_tasks; task = next++) body(task, thread);
  });
}

}  // namespace muster::ops

// Work of one operation cut over the threads of this rank (at::set_num_threads): rows in equal parts, or tasks one by
// one.
#pragma once

#include <cstdint>
#include <functional>

namespace muster::ops {

/// Threads that the next call may use.
int num_threads();
/// body(begin, end, thread) once for each thread that has rows; at least `grain` rows a thread. Parts depend only on
/// rows, grain and the number of threads. Exceptions are raised again here.
void parallel_rows(std::int64_t rows, std::int64_t grain,
                   const std::function<void(std::int64_t begin, std::int64_t end, int thread)>& body);
/// body(task, thread) for each task; whoever is free takes the next one.
void parallel_tasks(std::int64_t num_tasks, const std::function<void(std::int64_t task, int thread)>& body);

}  // namespace muster::ops

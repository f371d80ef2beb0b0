// Saved: a digest in hex; then for each rollout its step, how many bytes its samples are, and these.
#include "runtime/loop/rollout_queue.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"

namespace muster::loop {
namespace {

constexpr std::size_t kDigestLetters = 64;  // SHA-256 in hex

}  // namespace

void RolloutQueue::push(QueuedRollout rollout) {
  INVARIANT(waiting_.empty() || waiting_.back().step + 1 == rollout.step, "steps are generated in their order");
  waiting_.push_back(std::move(rollout));
}

QueuedRollout RolloutQueue::take(std::int64_t step) {
  INVARIANT(!waiting_.empty() && waiting_.front().step == step, "a step is generated before it is trained on");
  QueuedRollout oldest = std::move(waiting_.front());
  waiting_.pop_front();
  return oldest;
}

std::int64_t RolloutQueue::sample_bytes() const {
  std::int64_t bytes = 0;
  for (const QueuedRollout& one : waiting_) bytes += packed_bytes(one.rollout.samples);
  return bytes;
}

data::Cursor RolloutQueue::cursor(const data::Cursor& next) const {
  return waiting_.empty() ? next : waiting_.front().before;
}

std::string RolloutQueue::saved() const {
  std::string bytes;
  for (const QueuedRollout& one : waiting_) {
    const std::vector<std::uint8_t> samples = pack_samples(one.rollout.samples);
    const std::int64_t head[2] = {one.step, std::ssize(samples)};
    bytes.append(reinterpret_cast<const char*>(head), sizeof head);
    bytes.append(samples.begin(), samples.end());
  }
  return base::sha256_of(bytes) + bytes;
}

std::vector<QueuedSamples> parse_queue(const std::string& saved, const std::string& where) {
  const std::string bytes = saved.substr(std::min(kDigestLetters, saved.size()));
  if (saved.size() < kDigestLetters || base::sha256_of(bytes) != saved.substr(0, kDigestLetters))
    throw Error::user(
        {.what = "the rollouts that waited for their training have another checksum than was written", .where = where});
  std::vector<QueuedSamples> queue;
  for (std::size_t at = 0; at < bytes.size();) {
    std::int64_t head[2];
    std::memcpy(head, bytes.data() + at, sizeof head);
    at += sizeof head;
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at;
    queue.push_back({head[0], unpack_samples({first, static_cast<std::size_t>(head[1])})});
    at += static_cast<std::size_t>(head[1]);
  }
  return queue;
}

bool is_off_policy(const spec::Job& job) { return job.async.enabled && job.async.max_staleness > 0; }

bool updates_in_flight(const spec::Job& job) { return is_off_policy(job) && job.async.in_flight_updates; }

}  // namespace muster::loop

// The beat of a rank: a page of memory that the node agent makes and the rank maps. A thread of the rank raises
// `beats`; the rank's own thread raises `progress` and writes phase and last collective. After a crash the agent still
// reads it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/files.h"
#include "runtime/spec/stack_board.h"

namespace muster::spec {

/// The shared page. Texts are written by one thread and may be read half-changed: they are for people, never for
/// decisions.
struct BeatPage {
  std::atomic<std::uint64_t> beats{0};
  std::atomic<std::uint64_t> progress{0};  // events of the step: phases, collectives, micro batches, decode steps
  std::atomic<std::uint64_t> calls{0};     // collectives of this rank so far
  std::atomic<std::uint32_t> in_call{0};   // 1 while inside a collective
  std::atomic<std::uint32_t> phase{0};     // spec::Phase
  std::atomic<std::int64_t> step{0};
  std::array<char, 120> last_call{};
  std::array<char, 512> message{};  // last error of the rank
  StackBoard stacks;
};

/// Owns the mapping of one page.
class Beat {
 public:
  /// A new page (memfd), for the agent. throws: Error::cluster.
  static Beat make();
  /// Maps the page behind an inherited descriptor, for the rank. throws: Error::cluster.
  static Beat open(int fd);
  Beat(Beat&& other) noexcept;
  Beat& operator=(Beat&&) = delete;
  ~Beat();
  int fd() const { return fd_.get(); }
  BeatPage& page() { return *page_; }
  const BeatPage& page() const { return *page_; }

 private:
  Beat(base::Descriptor fd, BeatPage* page) : fd_(std::move(fd)), page_(page) {}
  base::Descriptor fd_;
  BeatPage* page_;
};

void set_text(std::array<char, 120>& field, std::string_view text);
void set_text(std::array<char, 512>& field, std::string_view text);
std::string text_of(const std::array<char, 120>& field);
std::string text_of(const std::array<char, 512>& field);

}  // namespace muster::spec

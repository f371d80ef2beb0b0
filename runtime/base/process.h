// Child processes: exec with an explicit environment, end with their parent, waited for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace muster::base {

/// How a child is started. Descriptors not named in `inherit` are closed on exec.
struct ChildOptions {
  std::vector<std::string> command;                     // program (absolute or on PATH) and its arguments
  std::optional<std::vector<std::string>> environment;  // NAME=value; none: the parent's
  int input = -1;                                       // becomes stdin; -1: the parent's
  std::filesystem::path output;                         // stdout and stderr are appended here; empty: the parent's
  int output_fd = -1, error_fd = -1;                    // become stdout and stderr instead; -1: as `output` says
  std::filesystem::path folder;                         // working folder; empty: the parent's
  std::vector<int> inherit;                             // descriptors that stay open under their own numbers
  std::vector<int> cpus;                                // affinity; empty: the parent's
  std::optional<int> memory_node;                       // whose memory is preferred; where the system refuses, none is
  std::int64_t memory_bytes = 0;                        // of address space; 0: no limit of its own
  bool killed_first = false;                            // when the machine runs out of memory
  bool own_group = true;         // a process group of its own, so that signals reach its children too
  bool dies_with_parent = true;  // PR_SET_PDEATHSIG SIGKILL
  bool keeps_ignored = false;    // HUP and INT stay ignored where they are here: nohup, and `&` in a script
};

/// How a child ended. Either `code` or `signal` says it.
struct ChildEnd {
  pid_t pid = 0;
  int code = 0;
  int signal = 0;
  double cpu_s = 0;
  long peak_memory_bytes = 0;  // largest resident set
};

/// fork and exec at once. throws: Error::cluster when the program cannot be started (the exec's own errno is reported).
pid_t start_child(const ChildOptions& options);
/// New pages of this thread, and of what it starts, come from the memory of this node while it has room; -1: from
/// wherever they are first touched. False when there is no such node, or the system does not allow it (containers).
bool prefer_memory_node(int node);
/// Waits for this child. `block` false: none when it still runs.
std::optional<ChildEnd> wait_child(pid_t pid, bool block);
/// Sends to the child's group (or the process where it has none); a child that is gone is no error.
void signal_child(pid_t pid, int signal, bool group = true);
/// What /proc tells of a process.
struct ProcessFacts {
  pid_t parent = 0;
  std::int64_t start_ticks = 0;  // clock ticks from boot to its start: with its number they name a process for good
  bool has_ended = false;        // and was not waited for
};
/// None when there is no such process.
std::optional<ProcessFacts> process_facts(pid_t pid);
/// Whether the process that began at `start_ticks` still runs under this number.
bool is_alive(pid_t pid, std::int64_t start_ticks);
/// Signals that process, and never another one that was given its number. False when it is gone or another's.
bool signal_process(pid_t pid, std::int64_t start_ticks, int signal);
/// The folder of the running executable.
std::filesystem::path executable_folder();

}  // namespace muster::base

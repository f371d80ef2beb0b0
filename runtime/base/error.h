// The one error type of both programs: what happened, where, and how to fix it; and the check for our own defects.
#pragma once

#include <exception>
#include <string>
#include <vector>

namespace muster::base {

/// Whose turn it is to act: the person (fix the file), the cluster (Slurm, network, driver), a rank that died, or us.
enum class ErrorKind { user, cluster, rank, defect };

/// One fault in three parts; `where` and `fix` may be empty.
struct Fault {
  std::string what;
  std::string where;  // "jobs/qwen3.toml:14:1", "rank 3 on node7", ...
  std::string fix;
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::vector<Fault> faults);

  static Error user(Fault fault) { return {ErrorKind::user, {std::move(fault)}}; }
  static Error cluster(Fault fault) { return {ErrorKind::cluster, {std::move(fault)}}; }
  static Error rank(Fault fault) { return {ErrorKind::rank, {std::move(fault)}}; }
  static Error defect(Fault fault) { return {ErrorKind::defect, {std::move(fault)}}; }

  ErrorKind kind() const { return kind_; }
  const std::vector<Fault>& faults() const { return faults_; }
  /// The text for a person: one block a fault, "where: what" and the fix below it.
  const char* what() const noexcept override { return text_.c_str(); }
  /// 2 user, 3 cluster, 4 rank, 70 defect.
  int exit_code() const;

 private:
  ErrorKind kind_;
  std::vector<Fault> faults_;
  std::string text_;
};

/// Collects every fault of an input, so that all of them are reported in one go.
class Faults {
 public:
  void add(Fault fault) { faults_.push_back(std::move(fault)); }
  bool empty() const { return faults_.empty(); }
  const std::vector<Fault>& list() const { return faults_; }
  /// throws: Error::user holding all faults, if there are any.
  void throw_if_any() const;

 private:
  std::vector<Fault> faults_;
};

[[noreturn]] void fail_invariant(const char* condition, const std::string& why, const char* file, int line);

}  // namespace muster::base

namespace muster {
using base::Error;
}

/// For our own defects only; user input never reaches one. throws: Error of kind defect (exit code 70).
#define INVARIANT(condition, why) \
  ((condition) ? void() : ::muster::base::fail_invariant(#condition, why, __FILE__, __LINE__))

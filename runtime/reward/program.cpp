#include "runtime/reward/program.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::reward {
namespace {

using nlohmann::ordered_json;

std::string line_of(const Request& request) {
  ordered_json object = {
      {"id", request.id}, {"prompt", request.prompt}, {"answer", request.answer}, {"gold", request.gold}};
  const auto part = graded_part(request.kind, request.answer, request.settings);
  object["final_answer"] = part ? ordered_json(*part) : ordered_json(nullptr);
  object["row"] = request.row.empty() ? ordered_json(nullptr) : ordered_json::parse(request.row, nullptr, false);
  if (object["row"].is_discarded()) object["row"] = request.row;
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

void Program::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error::cluster({.what = std::string("no socket pair for a reward program: ") + std::strerror(errno)});
  line_ = base::Descriptor(ends[0]);
  const base::Descriptor other(ends[1]);
  std::vector<char*> words;
  for (std::string& word : command_) words.push_back(word.data());
  words.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw Error::cluster({.what = std::string("cannot start a reward program: ") + std::strerror(errno)});
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(other.get(), STDIN_FILENO);
    ::dup2(other.get(), STDOUT_FILENO);
    ::execvp(words[0], words.data());
    std::fprintf(stderr, "reward: cannot start '%s': %s\n", words[0], std::strerror(errno));
    ::_exit(127);
  }
  to_send_.clear();
  for (const Asked& asked : open_)
    if (!rewards_.contains(asked.id)) to_send_ += asked.line;
}

void Program::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  line_.reset();
  received_.clear();
}

void Program::ask(const Request& request) {
  open_.push_back({request.id, line_of(request)});
  to_send_ += open_.back().line;
}

// One round of writing and reading. False when the program is gone or does not speak the protocol.
bool Program::exchange() {
  pollfd polled{line_.get(), static_cast<short>(POLLIN | (to_send_.empty() ? 0 : POLLOUT)), 0};
  if (::poll(&polled, 1, -1) < 0) return errno == EINTR;
  if (polled.revents & POLLOUT) {
    const ssize_t sent = ::send(line_.get(), to_send_.data(), to_send_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) to_send_.erase(0, static_cast<std::size_t>(sent));
  }
  if (!(polled.revents & (POLLIN | POLLHUP | POLLERR))) return true;
  char block[64 << 10];
  const ssize_t got = ::recv(line_.get(), block, sizeof(block), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  received_.append(block, static_cast<std::size_t>(got));
  return take_replies();
}

bool Program::take_replies() {
  std::size_t begin = 0;
  for (std::size_t end; (end = received_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = received_.substr(begin, end - begin);
    const auto object = ordered_json::parse(line, nullptr, false);
    const auto member = [&](const char* name) {
      return object.is_object() ? object.value(name, ordered_json()) : ordered_json();
    };
    const ordered_json id = member("id"), reward = member("reward");
    const bool asked = id.is_number_integer() && std::any_of(open_.begin(), open_.end(), [&](const Asked& each) {
                         return each.id == id.get<std::int64_t>();
                       });
    const double value = reward.is_boolean()  ? (reward.get<bool>() ? 1.0 : 0.0)
                         : reward.is_number() ? reward.get<double>()
                                              : NAN;
    if (!asked || !std::isfinite(value)) {
      fault_ = base::text("answered '", line.substr(0, 100), "'");
      return false;
    }
    rewards_[id.get<std::int64_t>()] = value;
  }
  received_.erase(0, begin);
  if (static_cast<std::int64_t>(received_.size()) > kMaxLineBytes) fault_ = "answered a line without an end";
  return fault_.empty();
}

Reply Program::fail(const std::string& why) {
  const Reply reply{open_.front().id, {0, Outcome::failed}};
  std::fprintf(stderr, "reward: the program '%s' %s before it had graded answer %lld; it is started again\n",
               command_[0].c_str(), why.c_str(), static_cast<long long>(reply.id));
  stop();
  fault_.clear();
  open_.pop_front();
  return reply;
}

Reply Program::next() {
  if (pid_ <= 0) start();
  for (;;) {
    if (const auto found = rewards_.find(open_.front().id); found != rewards_.end()) {
      const Reply reply{found->first, {found->second, Outcome::graded}};
      rewards_.erase(found);
      open_.pop_front();
      return reply;
    }
    if (!exchange()) return fail(fault_.empty() ? "ended" : fault_);
  }
}

}  // namespace muster::reward

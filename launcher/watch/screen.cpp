#include "launcher/watch/screen.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/base/error.h"

namespace muster::watch {
namespace {

constexpr const char* kTake = "\033[?1049h\033[?25l\033[2J";  // the other screen, without cursor
constexpr const char* kGiveBack = "\033[?25h\033[?1049l";

void send(const std::string& bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

Screen::Screen() : has_keys_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &cooked_) == 0) {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP}) sigaddset(&taken, signal);
  ::sigprocmask(SIG_BLOCK, &taken, &before_);
  signals_ = base::Descriptor(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) {
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    throw Error::cluster({.what = std::string("no signalfd: ") + std::strerror(errno)});
  }
  take();
}

Screen::~Screen() {
  give_back();
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void Screen::take() {
  if (has_keys_) {
    termios raw = cooked_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  drawn_.clear();
  send(kTake);
}

void Screen::give_back() {
  send(kGiveBack);
  if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &cooked_);
}

std::vector<Key> Screen::take_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return {};
  if (info.ssi_signo == SIGWINCH) {
    drawn_.clear();
    send("\033[2J");
    return {};
  }
  if (info.ssi_signo != SIGTSTP) return {Key::leave};
  give_back();
  ::kill(::getpid(), SIGSTOP);
  take();
  return {};
}

std::vector<Key> Screen::wait(double timeout_s) {
  pollfd sources[2] = {{.fd = signals_.get(), .events = POLLIN},
                       {.fd = has_keys_ ? STDIN_FILENO : -1, .events = POLLIN}};
  if (::poll(sources, 2, static_cast<int>(timeout_s * 1000)) <= 0) return {};
  if (sources[0].revents != 0) return take_signal();
  char buffer[256];
  const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (count <= 0) return {Key::leave};  // the terminal is gone
  return parse_keys(std::string(buffer, static_cast<std::size_t>(count)));
}

page::Style Screen::style() const {
  page::Style style = page::style_of(stdout, true);
  style.columns = std::max<std::int64_t>(1, style.columns - 1);
  return style;
}

void Screen::show(const std::vector<page::Line>& lines) {
  const page::Style now = style();
  std::string frame = "\033[H";
  for (std::int64_t row = 0; row < now.rows && row < std::ssize(lines); ++row)
    frame += (row > 0 ? "\r\n" : "") + lines[row].rendered(now) + "\033[K";
  frame += "\033[J";
  if (frame == drawn_) return;
  send(frame);
  drawn_ = std::move(frame);
}

}  // namespace muster::watch

// The terminal as a full page: another screen that leaves the scrolled text alone, keys as they are pressed, and the
// size as it changes. Plain ANSI, so that it works over ssh and in tmux.
#pragma once

#include <signal.h>
#include <termios.h>

#include <string>
#include <vector>

#include "launcher/page/terminal.h"
#include "launcher/watch/keys.h"
#include "runtime/base/files.h"

namespace muster::watch {

class Screen {
 public:
  /// Takes the terminal over. throws: Error::cluster when the system refuses.
  Screen();
  /// Gives it back as it was.
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// Keys as soon as there are some; empty after `timeout_s` or when the size has changed. INT, TERM and HUP are
  /// Key::leave; TSTP stops the program with the terminal given back meanwhile.
  std::vector<Key> wait(double timeout_s);
  /// The size now, one column less: the last one makes some terminals wrap.
  page::Style style() const;
  /// Draws the page; lines below the last row are left out. Nothing is sent when nothing has changed.
  void show(const std::vector<page::Line>& lines);

 private:
  void take();
  void give_back();
  std::vector<Key> take_signal();

  base::Descriptor signals_;
  sigset_t before_{};
  termios cooked_{};
  bool has_keys_ = false;  // stdin is a terminal too
  std::string drawn_;
};

}  // namespace muster::watch

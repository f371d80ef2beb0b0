// main() of every test executable.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1);  // no test reads the personal file of whoever runs it
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

#include "runtime/base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace muster::base {

double steady_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

namespace {

std::string formatted(const char* format, std::time_t seconds) {
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> buffer{};
  std::strftime(buffer.data(), buffer.size(), format, &parts);
  return buffer.data();
}

}  // namespace

double wall_clock_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string wall_clock_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(ms % 1000));
  return formatted("%Y-%m-%dT%H:%M:%S", static_cast<std::time_t>(ms / 1000)) + fraction.data();
}

std::string wall_clock_stamp() { return formatted("%Y%m%d-%H%M%S", std::time(nullptr)); }

double process_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double Stopwatch::lap_s() {
  const double now_s = steady_s();
  const double lap = now_s - begin_s_;
  begin_s_ = now_s;
  return lap;
}

}  // namespace muster::base

#include "runtime/log/console.h"

#include <cstdio>

#include "runtime/base/clock.h"
#include "runtime/base/text.h"

namespace muster::log {

void Console::info(const std::string& room, const std::string& sentence, const Values& values) const {
  if (speaks_) write("info", room, sentence, values);
}

void Console::warn(const std::string& room, const std::string& sentence, const Values& values) const {
  write("warning", room, sentence, values);
}

void Console::write(const char* level, const std::string& room, const std::string& sentence,
                    const Values& values) const {
  std::string line = base::text(base::wall_clock_text(), ' ', level, " rank ", rank_, ' ', room, ": ", sentence);
  for (const auto& [key, value] : values) line += " " + key + "=" + value;
  line += "\n";
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace muster::log

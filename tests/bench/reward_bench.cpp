// How fast answers are graded by one core: reward_bench KIND FILE [REPEATS], with lines as `muster-runtime grade` takes
// them. Prints one JSON object: answers, CPU seconds, answers per CPU second, the slowest answer.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/json_lines.h"
#include "runtime/reward/protocol.h"

int main(int count, char** words) try {
  using namespace muster;
  if (count < 3) throw Error::user({.what = "reward_bench KIND FILE [REPEATS]"});
  const auto lines = base::read_json_lines(words[2]);
  if (lines.empty()) throw Error::user({.what = "has no lines", .where = words[2]});
  const int repeats = count > 3 ? std::atoi(words[3]) : 1;
  std::vector<reward::Request> requests;
  for (const auto& line : lines) {
    requests.push_back({.kind = words[1], .answer = line.at("answer"), .gold = line.at("gold")});
    reward::read_settings(line, requests.back().settings);
  }
  double slowest_s = 0, rewards = 0;
  const double begin_s = base::process_cpu_s();
  for (int r = 0; r < repeats; ++r)
    for (const reward::Request& request : requests) {
      const double before_s = base::process_cpu_s();
      rewards += reward::grade(request.kind, request.answer, request.gold, request.settings).reward;
      slowest_s = std::max(slowest_s, base::process_cpu_s() - before_s);
    }
  const double cpu_s = base::process_cpu_s() - begin_s;
  const auto answers = static_cast<double>(requests.size()) * repeats;
  std::printf("%s\n", nlohmann::ordered_json{{"kind", words[1]},
                                             {"answers", answers},
                                             {"cpu_s", cpu_s},
                                             {"answers_per_cpu_s", answers / cpu_s},
                                             {"slowest_s", slowest_s},
                                             {"mean_reward", rewards / answers}}
                          .dump()
                          .c_str());
  return 0;
} catch (const muster::Error& error) {
  std::fprintf(stderr, "reward_bench: %s\n", error.what());
  return error.exit_code();
}

// main() of a fuzz target where there is no libFuzzer: NAME_fuzz FOLDER [INPUTS] runs each file of FOLDER, then INPUTS
// mutations of them (20,000 unless said), the same at every run. An input that takes more than 20 s of CPU ends the
// run.
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace muster;

constexpr long kLimitS = 20;
constexpr std::size_t kLargestBytes = 1 << 16;

// SIGPROF ends the process when it has run for so long; a busy machine costs an input nothing. 0: no limit.
void limit_cpu(long seconds) {
  const itimerval timer{.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_usec = 0}};
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

void run_one(const std::string& input) {
  limit_cpu(kLimitS);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  limit_cpu(0);
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) corpus.push_back(base::read_file(path));
  return corpus;
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, std::uint64_t index)
      : corpus_(corpus), key_(index, base::Purpose::test) {}

  std::string make() {
    std::string text = pick();
    for (std::size_t rounds = 1 + draw(4); rounds > 0; --rounds) change(text);
    text.resize(std::min(text.size(), kLargestBytes));
    return text;
  }

 private:
  std::size_t draw(std::size_t limit) { return limit == 0 ? 0 : key_.at(count_++)[0] % limit; }
  const std::string& pick() { return corpus_[draw(corpus_.size())]; }

  void change(std::string& text) {
    const std::size_t at = draw(text.size() + 1), size = std::min(draw(64), text.size() - at);
    const std::string& other = pick();
    switch (draw(8)) {
      case 0:  // one byte
        if (at < text.size()) text[at] = static_cast<char>(draw(256));
        break;
      case 1:
        text.erase(at, size);
        break;
      case 2:  // a piece of it many times
        for (std::size_t times = 1 + draw(40); times > 0; --times) text.insert(at, text.substr(at, size));
        break;
      case 3:  // a piece of another
        text.insert(at, other.substr(draw(other.size() + 1), draw(64)));
        break;
      case 4: {  // a number of extremes
        const char* numbers[] = {"-1", "0", "4294967296", "1e308", "18446744073709551616", "16777215"};
        text.insert(at, numbers[draw(6)]);
        break;
      }
      case 5:
        text.resize(at);
        break;
      default: {  // the value behind an equals sign
        const std::size_t equals = text.find("= ", at);
        if (equals == std::string::npos) break;
        const char* values[] = {"-1",    "0",   "1",     "2",       "3",  "8",   "64", "4096", "99999999999999", "nan",
                                "1e400", "0.5", "\"x\"", "\"fp8\"", "[]", "[1]", "{}", "true", "false",          ""};
        text.replace(equals + 2, text.find('\n', equals) - equals - 2, values[draw(20)]);
      }
    }
  }

  const std::vector<std::string>& corpus_;
  base::RandomKey key_;
  std::uint64_t count_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2 || count > 3) {
    std::fprintf(stderr, "usage: %s FOLDER [INPUTS]\n", arguments[0]);
    return 2;
  }
  const std::vector<std::string> corpus = read_corpus(arguments[1]);
  const std::uint64_t inputs = count == 3 ? std::strtoull(arguments[2], nullptr, 10) : 20'000;
  const base::Stopwatch watch;
  for (const std::string& input : corpus) run_one(input);
  for (std::uint64_t i = 0; i < inputs; ++i) run_one(Mutator(corpus, i).make());
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("%zu files and %llu mutations in %.1f s, at most %ld MiB\n", corpus.size(),
              static_cast<unsigned long long>(inputs), watch.elapsed_s(), usage.ru_maxrss / 1024);
  return corpus.empty() ? 1 : 0;
}

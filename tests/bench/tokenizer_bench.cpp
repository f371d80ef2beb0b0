// How fast text becomes tokens on one core: tokenizer_bench MODEL_FOLDER TEXT_FILE [REPEATS]. Prints one JSON object:
// bytes, tokens, CPU seconds, MB a CPU second.
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/data/tokenizer.h"

int main(int count, char** words) try {
  using namespace muster;
  if (count < 3) throw Error::user({.what = "tokenizer_bench MODEL_FOLDER TEXT_FILE [REPEATS]"});
  const data::Tokenizer tokenizer = data::Tokenizer::read(words[1]);
  const std::string text = base::read_file(words[2]);
  const int repeats = count > 3 ? std::atoi(words[3]) : 1;
  std::size_t tokens = 0;
  const double begin_s = base::process_cpu_s();
  for (int r = 0; r < repeats; ++r) tokens += tokenizer.encode(text, false).size();
  const double cpu_s = base::process_cpu_s() - begin_s;
  const auto bytes = static_cast<double>(text.size()) * repeats;
  std::printf("%s\n",
              nlohmann::ordered_json{
                  {"bytes", bytes}, {"tokens", tokens}, {"cpu_s", cpu_s}, {"mb_per_cpu_s", bytes / 1e6 / cpu_s}}
                  .dump()
                  .c_str());
  return 0;
} catch (const muster::Error& error) {
  std::fprintf(stderr, "tokenizer_bench: %s\n", error.what());
  return error.exit_code();
}

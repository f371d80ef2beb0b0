// A data file of anybody, the whole way from its bytes to a line of samples.jsonl: refused with an Error of kind user,
// or prompts whose records can be written.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runtime/base/error.h"
#include "runtime/base/json_lines.h"
#include "runtime/data/prompts.h"
#include "runtime/data/tokenizer.h"
#include "runtime/indexing/indexer.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace muster;

struct Place {
  Place() {
    std::filesystem::create_directories(model());
    std::filesystem::copy_file(MUSTER_SOURCE_DIR "/tests/golden/data/gpt2.tokenizer.json", model() / "tokenizer.json");
    tokenizer.emplace(data::Tokenizer::read(model()));
  }
  std::filesystem::path model() const { return folder.path() / "model"; }
  std::string rows() const { return (folder.path() / "rows.jsonl").string(); }

  tests::TemporaryFolder folder;
  std::optional<data::Tokenizer> tokenizer;
};

void use(const Place& place, const spec::DataJob& job) {
  indexing::make_indexes(
      job, {.folder = place.folder.path() / "data", .model = place.model(), .max_sequence_tokens = 64, .threads = 1});
  data::PromptSource source(
      job, *place.tokenizer,
      {.max_sequence_tokens = 64, .index_folder = place.folder.path() / "data", .model = place.model()});
  base::JsonLinesWriter records(place.folder.path() / "samples.jsonl");
  for (const data::Prompt& prompt : source.next_prompts(3))
    records.append({{"prompt", prompt.text}, {"gold", prompt.gold}, {"row", prompt.json}, {"tokens", prompt.tokens}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const Place place;
  std::FILE* file = std::fopen(place.rows().c_str(), "wb");
  if (file == nullptr || std::fwrite(bytes, 1, size, file) != size || std::fclose(file) != 0) std::abort();
  const spec::DataJob plain{.path = place.rows(), .max_refused_share = 0.9, .held_out = 1};
  const spec::DataJob turns{.path = place.rows(),
                            .schema = "dapo-math-17k",
                            .chat_template = "chatml",
                            .messages_field = "prompt",
                            .max_refused_share = 0.9};
  for (const spec::DataJob* job : {&plain, &turns}) {
    try {
      use(place, *job);
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
    }
  }
  std::filesystem::remove(place.folder.path() / "samples.jsonl");
  return 0;
}

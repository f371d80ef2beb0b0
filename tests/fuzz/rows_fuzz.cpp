// One line of a data file of anybody: refused with an Error of kind user, or a prompt.
#include <string>

#include "runtime/base/error.h"
#include "runtime/data/row_reader.h"
#include "runtime/data/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  static const data::Tokenizer tokenizer =
      data::Tokenizer::read(MUSTER_SOURCE_DIR "/tests/golden/data/gpt2.tokenizer.json");
  static const spec::DataJob templates{.prompt = "Q: {prompt}\n", .answer = "{answer}"};
  static const data::RowReader plain(templates, {}, tokenizer),
      nested(templates, {.schema = "dapo-math-17k"}, tokenizer);
  for (const data::RowReader* reader : {&plain, &nested}) {
    try {
      reader->read(std::string(data, data + size));
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::user) throw;
    }
  }
  return 0;
}

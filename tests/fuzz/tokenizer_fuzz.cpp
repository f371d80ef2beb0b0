// tokenizer.json of anybody: refused with an Error of kind user, or a tokenizer that encodes and decodes.
#include <string>

#include "runtime/base/error.h"
#include "runtime/data/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  try {
    const auto tokenizer = data::Tokenizer::parse(std::string(data, data + size), "tokenizer.json");
    const auto ids = tokenizer.encode("The <s>quick 12345 <b> e\u0301\u212b  'll\r\n\n don't\u3000\U0001F600", true);
    tokenizer.decode(ids, false);
    tokenizer.decode(ids, true);
  } catch (const Error& error) {
    if (error.kind() != base::ErrorKind::user) throw;
  }
  return 0;
}

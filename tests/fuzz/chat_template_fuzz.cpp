// A chat template of anybody: refused with an Error of kind user, or a text, in bounded time and memory.
#include <string>

#include "runtime/base/error.h"
#include "runtime/chat/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  static const chat::Conversation conversation = [] {
    chat::Conversation made;
    made.messages = nlohmann::ordered_json::parse(
        R"([{"role": "system", "content": "s"}, {"role": "user", "content": "\u00e9 <think>x</think> y"},
            {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5]}}}]}])");
    made.tools =
        nlohmann::ordered_json::parse(R"([{"name": "f", "parameters": {"properties": {"a": {"type": "n"}}}}])");
    made.variables = {{"n", 3}, {"l", {3, 1, 2}}, {"s", "Hello W\u00f6rld"}, {"d", {{"a", 1}, {"b", "x"}}}};
    return made;
  }();
  try {
    chat::ChatTemplate::parse(std::string(data, data + size), "chat_template").render(conversation);
  } catch (const Error& error) {
    if (error.kind() != base::ErrorKind::user) throw;
  }
  return 0;
}

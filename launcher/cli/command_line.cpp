// From the words to the verb to the exit code: the one place where errors are printed.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "launcher/cli/verb.h"
#include "runtime/base/system_error.h"
#include "runtime/base/text.h"

namespace muster::cli {

using base::text;

namespace {

void print(std::FILE* stream, const std::string& page) { std::fwrite(page.data(), 1, page.size(), stream); }

const Verb& find_verb(const std::vector<Verb>& verbs, const std::string& word) {
  const auto found = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& verb) { return verb.page.name == word; });
  if (found != verbs.end()) return *found;
  std::vector<std::string> names;
  for (const Verb& verb : verbs) {
    if (verb.page.is_for_people) names.push_back(verb.page.name);
  }
  const std::string near = base::nearest(word, names);
  throw Error::user(
      {.what = text("there is no verb \"", word, "\""),
       .where = "",
       .fix = (near.empty() ? "" : "did you mean \"" + near + "\"? ") + "verbs: " + base::join(names, ", ")});
}

// An answer that did not arrive, because the disk is full or its reader left, is no success.
int after_printing(int code, bool prints_its_answer) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  const std::string reason = errno != 0 ? text(": ", std::strerror(errno)) : "";
  print(stderr, text("muster: the output could not be written", reason, "\n"));
  return code == 0 && prints_its_answer ? 2 : code;
}

int run_verb(const std::vector<std::string>& arguments, const std::vector<Verb>& verbs) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    print(stdout, help_text(verbs));
    return after_printing(arguments.empty() ? 2 : 0, true);
  }
  if (arguments[0] == "--version" || arguments[0] == "-V" || arguments[0] == "version") {
    print(stdout, "muster " MUSTER_VERSION "\n");
    return after_printing(0, true);
  }
  const Verb& verb = find_verb(verbs, arguments[0]);
  const std::optional<int> code = verb.run({arguments.begin() + 1, arguments.end()});
  if (code) return after_printing(*code, verb.page.prints_its_answer);
  print(stdout, help_text(verb));
  return after_printing(0, true);
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const std::vector<Verb>& verbs) {
  try {
    return run_verb(arguments, verbs);
  } catch (const std::exception& exception) {
    const Error error = base::error_of(exception);
    std::fflush(stdout);
    print(stderr, text("muster: ", error.what(), "\n"));
    return error.exit_code();
  }
}

}  // namespace muster::cli

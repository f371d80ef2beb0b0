// A verb of muster: what the program says of it, its flags and what it does. Each verb is made in its own room; the one
// list of them is launcher/main.cpp. Boost.Program_options stays in parse.cpp.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/cli/flags.h"

namespace muster::cli {

/// What `--help` and completion say of a verb, and how many words it takes beside its flags.
struct VerbPage {
  std::string name;
  std::string usage;    // "JOB [--cluster C] ..."; completion offers what its first words name (offers.h)
  std::string summary;  // one line
  std::string example;  // one command line
  std::size_t max_words = 0;
  bool is_for_people = true;      // supervise is not
  bool prints_its_answer = true;  // false: the exit code tells what it did, whether or not its words arrived
};

struct Verb {
  VerbPage page;
  std::vector<Flag> flags;  // to show: they fill nothing
  /// Parses what was typed after the verb and runs it: the exit code, or none where --help was asked for.
  std::function<std::optional<int>(const std::vector<std::string>& arguments)> run;
};

/// What was typed beside the flags.
struct Parsed {
  std::vector<std::string> words;
  bool wants_help = false;
};

/// Fills the fields of the flags that were typed. throws: Error::user, for a flag that is not known with the nearest.
Parsed parse_arguments(const VerbPage& page, const Flags& flags, const std::vector<std::string>& arguments);

/// The verb that fills `Options` by its flags, and `Options::words` where it has them, and hands them to `run`.
template <class Options>
Verb make_verb(VerbPage page, std::function<void(Flags&, Options&)> add_flags, std::function<int(const Options&)> run) {
  Options defaults;
  Flags shown;
  add_flags(shown, defaults);
  Verb verb{page, shown.list(), {}};
  for (Flag& flag : verb.flags) flag.fill = nullptr;
  verb.run = [page = std::move(page), add_flags = std::move(add_flags),
              run = std::move(run)](const std::vector<std::string>& arguments) -> std::optional<int> {
    Options options;
    Flags flags;
    add_flags(flags, options);
    Parsed parsed = parse_arguments(page, flags, arguments);
    if (parsed.wants_help) return std::nullopt;
    if constexpr (requires { options.words; }) options.words = std::move(parsed.words);
    return run(options);
  };
  return verb;
}

/// Parses and runs; every error is printed as "muster: ..." and becomes its exit code. `arguments` without the
/// program's name.
int run_command_line(const std::vector<std::string>& arguments, const std::vector<Verb>& verbs);

std::string help_text(const std::vector<Verb>& verbs);
std::string help_text(const Verb& verb);

}  // namespace muster::cli

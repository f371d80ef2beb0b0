// Words typed after a verb -> the fields of its options, by Boost.Program_options, which stays in this source.
#include <boost/program_options.hpp>

#include "launcher/cli/verb.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::cli {

namespace po = boost::program_options;
using base::text;

namespace {

po::options_description description_of(const Flags& flags) {
  po::options_description description;
  description.add_options()("help,h", "")("word", po::value<std::vector<std::string>>(), "");
  for (const Flag& flag : flags.list()) {
    if (flag.value.empty()) {
      description.add_options()(flag.name.c_str(), po::bool_switch(), "");
    } else {
      description.add_options()(flag.name.c_str(), po::value<std::vector<std::string>>()->composing(), "");
    }
  }
  return description;
}

[[noreturn]] void fail_unknown(const VerbPage& page, const Flags& flags, const std::string& typed) {
  std::vector<std::string> names;
  for (const Flag& flag : flags.list()) names.push_back("--" + flag.long_name());
  const std::string near = base::nearest(typed, names);
  throw Error::user({.what = text("muster ", page.name, " has no option ", typed),
                     .fix = text(near.empty() ? "" : "did you mean " + near + "? ", "it has ",
                                 names.empty() ? "no options" : base::join(names, ", "))});
}

po::variables_map values_of(const VerbPage& page, const Flags& flags, const std::vector<std::string>& arguments) {
  const po::options_description description = description_of(flags);
  po::positional_options_description positions;
  positions.add("word", -1);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(po::command_line_parser(arguments).options(description).positional(positions).style(style).run(), values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    fail_unknown(page, flags, error.get_option_name());
  } catch (const po::error& error) {
    throw Error::user({.what = text("muster ", page.name, ": ", error.what()),
                       .fix = text("usage: muster ", page.name, " ", page.usage)});
  }
  return values;
}

}  // namespace

Parsed parse_arguments(const VerbPage& page, const Flags& flags, const std::vector<std::string>& arguments) {
  const po::variables_map values = values_of(page, flags, arguments);
  Parsed parsed{.wants_help = values.count("help") > 0};
  if (values.count("word") > 0) parsed.words = values["word"].as<std::vector<std::string>>();
  if (parsed.words.size() > page.max_words)
    throw Error::user(
        {.what = text("muster ", page.name, " does not know what to do with \"", parsed.words[page.max_words], "\""),
         .fix = text("usage: muster ", page.name, " ", page.usage)});
  for (const Flag& flag : flags.list()) {
    const po::variable_value& value = values[flag.long_name()];
    if (flag.value.empty() ? value.as<bool>() : !value.empty())
      flag.fill(flag.value.empty() ? std::vector<std::string>{} : value.as<std::vector<std::string>>());
  }
  return parsed;
}

}  // namespace muster::cli

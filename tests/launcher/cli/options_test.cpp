#include "launcher/cli/options.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::cli {
namespace {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table{
      {"run",
       "JOB",
       "runs",
       "muster run x",
       {"set", "run-dir", "json"},
       1,
       [](const Options& o) { return static_cast<int>(o.overrides.size()); }},
      {"logs",
       "RUN",
       "logs",
       "muster logs",
       {"follow", "rank"},
       1,
       [](const Options& o) { return o.follow ? 10 + static_cast<int>(o.rank.value_or(0)) : 1; }},
      {"fail",
       "",
       "fails",
       "muster fail",
       {},
       0,
       [](const Options&) -> int { throw Error::cluster({.what = "no", .where = "", .fix = ""}); }},
  };
  return table;
}

std::string refusal(const Verb& verb, const std::vector<std::string>& arguments) {
  try {
    parse_options(verb, arguments);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.what();
  }
  return "accepted";
}

TEST(Options, TakesWordsValuesAndSwitchesInAnyOrder) {
  const Options options =
      parse_options(verbs()[0], {"--set", "a.b=1", "job.toml", "--json", "--set=c=\"x y\"", "--run-dir", "/r"});
  EXPECT_EQ(options.words, (std::vector<std::string>{"job.toml"}));
  EXPECT_EQ(options.overrides, (std::vector<std::string>{"a.b=1", "c=\"x y\""}));
  EXPECT_EQ(options.run_dir, "/r");
  EXPECT_TRUE(options.json);
  EXPECT_EQ(run_command_line({"logs", "-f", "--rank", "3"}, verbs()), 13);
}

TEST(Options, RefusesUnknownOptionsWithTheNearest) {
  EXPECT_NE(refusal(verbs()[0], {"--run-dirr", "/r"}).find("did you mean --run-dir?"), std::string::npos);
  EXPECT_NE(refusal(verbs()[0], {"a", "b"}).find("does not know what to do with \"b\""), std::string::npos);
  EXPECT_NE(refusal(verbs()[0], {"--run-dir"}).find("muster run"), std::string::npos);
  EXPECT_NE(refusal(verbs()[0], {"--run-dir", "a", "--run-dir", "b"}).find("given 2 times"), std::string::npos);
  EXPECT_NE(refusal(verbs()[1], {"--rank", "-1"}).find("--rank"), std::string::npos);
  EXPECT_NE(refusal(verbs()[1], {"--rank", "1x"}).find("whole number"), std::string::npos);
}

TEST(Options, ErrorsBecomeTheirExitCodes) {
  EXPECT_EQ(run_command_line({"fail"}, verbs()), 3);
  EXPECT_EQ(run_command_line({"rum"}, verbs()), 2);
  EXPECT_EQ(run_command_line({"run", "--nothing"}, verbs()), 2);
  EXPECT_EQ(run_command_line({"run", "--set", "a=1"}, verbs()), 1);
}

TEST(Options, HelpHasAnExampleOfEachVerb) {
  for (const Verb& verb : verbs()) {
    EXPECT_NE(help_text(verbs()).find(verb.example), std::string::npos);
    EXPECT_NE(help_text(verb).find(verb.example), std::string::npos);
    EXPECT_EQ(run_command_line({verb.name, "--help"}, verbs()), 0);
  }
}

}  // namespace
}  // namespace muster::cli

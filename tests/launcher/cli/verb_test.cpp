#include "launcher/cli/verb.h"

#include <gtest/gtest.h>

#include "launcher/cli/shared_flags.h"
#include "runtime/base/error.h"

namespace muster::cli {
namespace {

struct SomeOptions {
  std::vector<std::string> words, list;
  std::filesystem::path folder;
  std::optional<std::int64_t> number;
  bool is_on = false;
};

/// What the last verb that ran was given.
SomeOptions& given() {
  static SomeOptions options;
  return options;
}

void add_flags(Flags& flags, SomeOptions& options) {
  flags.add("set", "key=value", "some", options.list);
  flags.add("run-dir", "DIR", "a folder", options.folder);
  flags.add("rank,r", "R", "a number", options.number);
  flags.add("follow,f", "a switch", options.is_on);
}

struct NoOptions {};

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table{
      make_verb<SomeOptions>(
          {.name = "run", .usage = "JOB", .summary = "runs", .example = "muster run x", .max_words = 1}, add_flags,
          [](const SomeOptions& options) {
            given() = options;
            return static_cast<int>(options.list.size());
          }),
      make_verb<NoOptions>(
          {.name = "fail", .summary = "fails", .example = "muster fail"}, [](Flags&, NoOptions&) {},
          [](const NoOptions&) -> int { throw Error::cluster({.what = "no"}); }),
  };
  return table;
}

std::string refusal(const Verb& verb, const std::vector<std::string>& arguments) {
  try {
    verb.run(arguments);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.what();
  }
  return "accepted";
}

TEST(Options, TakesWordsValuesAndSwitchesInAnyOrder) {
  EXPECT_EQ(
      run_command_line({"run", "--set", "a.b=1", "job.toml", "-f", "--set=c=\"x y\"", "--run-dir", "/r"}, verbs()), 2);
  EXPECT_EQ(given().words, (std::vector<std::string>{"job.toml"}));
  EXPECT_EQ(given().list, (std::vector<std::string>{"a.b=1", "c=\"x y\""}));
  EXPECT_EQ(given().folder, "/r");
  EXPECT_TRUE(given().is_on);
  EXPECT_FALSE(given().number);
}

TEST(Options, AreThoseOfOneCallAndNotOfTheLast) {
  EXPECT_EQ(run_command_line({"run", "-f", "-r", "7"}, verbs()), 0);
  EXPECT_EQ(given().number, 7);
  EXPECT_EQ(run_command_line({"run"}, verbs()), 0);
  EXPECT_FALSE(given().is_on);
  EXPECT_FALSE(given().number);
}

TEST(Options, RefusesUnknownOptionsWithTheNearest) {
  const Verb& run = verbs()[0];
  EXPECT_NE(refusal(run, {"--run-dirr", "/r"}).find("did you mean --run-dir?"), std::string::npos);
  EXPECT_NE(refusal(run, {"a", "b"}).find("does not know what to do with \"b\""), std::string::npos);
  EXPECT_NE(refusal(run, {"--run-dir"}).find("muster run"), std::string::npos);
  EXPECT_NE(refusal(run, {"--run-dir", "a", "--run-dir", "b"}).find("given 2 times"), std::string::npos);
  EXPECT_NE(refusal(run, {"--rank", "-1"}).find("--rank"), std::string::npos);
  EXPECT_NE(refusal(run, {"--rank", "1x"}).find("whole number"), std::string::npos);
  EXPECT_NE(refusal(verbs()[1], {"--json"}).find("it has no options"), std::string::npos);
}

TEST(Options, ErrorsBecomeTheirExitCodes) {
  EXPECT_EQ(run_command_line({"fail"}, verbs()), 3);
  EXPECT_EQ(run_command_line({"rum"}, verbs()), 2);
  EXPECT_EQ(run_command_line({"run", "--nothing"}, verbs()), 2);
  EXPECT_EQ(run_command_line({"run", "--set", "a=1"}, verbs()), 1);
}

TEST(Options, HelpHasAnExampleOfEachVerbAndItsFlags) {
  for (const Verb& verb : verbs()) {
    EXPECT_NE(help_text(verbs()).find(verb.page.example), std::string::npos);
    EXPECT_NE(help_text(verb).find(verb.page.example), std::string::npos);
    EXPECT_EQ(run_command_line({verb.page.name, "--help"}, verbs()), 0);
  }
  EXPECT_NE(help_text(verbs()[0]).find("-r, --rank R          a number"), std::string::npos);
}

TEST(Options, TheSettingsOfAUserKnowTheFlagThatGaveThem) {
  Flags flags;
  cluster::UserSettings user_settings;
  add_user_flags(flags, user_settings);
  const VerbPage page{.name = "plan"};
  parse_arguments(page, flags, {"--account", "me", "--time-limit-min", "5", "--sbatch-flag=--nice=1"});
  EXPECT_EQ(user_settings.account, "me");
  EXPECT_EQ(user_settings.time_limit_min, 5);
  EXPECT_EQ(user_settings.places.keys.at("account"), "--account");
  EXPECT_EQ(user_settings.places.keys.count("qos"), 0U);
  EXPECT_EQ(user_settings.sbatch_flags, std::vector<std::string>{"--nice=1"});
  EXPECT_THROW(parse_arguments(page, flags, {"--sbatch-flag", "nice"}), Error);
  EXPECT_THROW(parse_arguments(page, flags, {"--time-limit-min", "0"}), Error);
}

}  // namespace
}  // namespace muster::cli

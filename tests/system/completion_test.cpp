// What shells complete, by the shells themselves; and that every verb's help has an example that the verb takes.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

using base::text;

const std::string kMuster = std::string(MUSTER_BINARY_DIR) + "/bin/muster";

std::set<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// What bash offers after these words, the last of which is being typed; in a folder with two runs and a job file.
std::set<std::string> offered(const std::vector<std::string>& words) {
  const TemporaryFolder folder;
  for (const char* run : {"runs/first", "runs/second"}) base::make_folder(folder.path() / run);
  base::write_file(folder.path() / "mine.toml", "");
  base::write_file(folder.path() / "notes.txt", "");
  std::string line;
  for (const std::string& word : words) line += " " + base::shell_quoted(word);
  const CommandResult result =
      run_command({"bash", "--norc", "-c",
                   text("cd ", folder.path().string(), "; compopt() { :; }; source <(", kMuster,
                        " completion bash); COMP_WORDS=(muster", line,
                        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _muster; printf '%s\\n' ", "\"${COMPREPLY[@]}\"")});
  EXPECT_EQ(result.code, 0) << result.output;
  return words_of(result.output);
}

bool has(const std::set<std::string>& words, const std::string& word) { return words.count(word) > 0; }

TEST(Completion, OfVerbsOptionsAndWhatTheyTake) {
  EXPECT_EQ(offered({"stat"}), std::set<std::string>{"status"});
  EXPECT_FALSE(has(offered({""}), "supervise"));
  EXPECT_EQ(offered({"plan", "reverse"}),
            (std::set<std::string>{"reverse-digits", "reverse-digits-deep", "reverse-digits-gpu", "reverse-digits-mla",
                                   "reverse-digits-moe"}));
  EXPECT_TRUE(has(offered({"plan", ""}), "mine.toml"));
  EXPECT_FALSE(has(offered({"plan", ""}), "notes.txt"));
  EXPECT_EQ(offered({"submit", "--new"}), std::set<std::string>{"--new-binaries"});
  EXPECT_TRUE(has(offered({"submit", "x", "--cluster", "dgx"}), "dgx-h100"));
  EXPECT_EQ(offered({"run", "x", "--set", "grpo.ste"}), std::set<std::string>{"grpo.steps="});
  EXPECT_EQ(offered({"watch", "runs/"}), (std::set<std::string>{"runs/first", "runs/second"}));
  EXPECT_EQ(offered({"compare", "runs/first", "runs/"}), (std::set<std::string>{"runs/first", "runs/second"}));
  EXPECT_TRUE(has(offered({"compare", "runs/first", "v0.5"}), "v0.5-h100-bf16-llama8b-onpolicy"));
  EXPECT_EQ(offered({"cluster", "pro"}), std::set<std::string>{"probe"});
  EXPECT_EQ(offered({"completion", "z"}), std::set<std::string>{"zsh"});
}

TEST(Completion, ShellsTakeTheirScripts) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const CommandResult script = run_command({kMuster, "completion", shell});
    EXPECT_EQ(script.code, 0);
    if (run_command({"sh", "-c", "command -v " + shell}).code != 0) continue;
    const TemporaryFolder folder;
    base::write_file(folder.path() / "script", script.output);
    const CommandResult parsed = run_command({shell, "-n", (folder.path() / "script").string()});
    EXPECT_EQ(parsed.code, 0) << parsed.output;
    EXPECT_EQ(parsed.output, "");
  }
  EXPECT_EQ(run_command({kMuster, "completion", "tcsh"}).code, 2);
}

TEST(Help, EveryVerbHasAnExampleOfItself) {
  int count = 0;
  for (const std::string& verb : offered({""})) {
    const CommandResult help = run_command({kMuster, verb, "--help"});
    EXPECT_EQ(help.code, 0) << help.output;
    const std::size_t at = help.output.find("\nexample\n");
    ASSERT_NE(at, std::string::npos) << help.output;
    EXPECT_NE(help.output.find("muster " + verb, at), std::string::npos) << help.output;
    ++count;
  }
  EXPECT_GT(count, 10);
}

}  // namespace
}  // namespace muster::tests

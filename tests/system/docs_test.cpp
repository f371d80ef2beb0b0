// What README, docs/ and CONTRIBUTING say of the tree: links lead somewhere, the front page stays a front page, and
// every command line of `muster` that is shown has a verb and options that exist.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = MUSTER_SOURCE_DIR;

std::vector<fs::path> pages() {
  std::vector<fs::path> pages{kRoot / "README.md", kRoot / "CONTRIBUTING.md", kRoot / "CHANGELOG.md",
                              kRoot / "templates" / "README.md"};
  for (const auto& entry : fs::directory_iterator(kRoot / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  return pages;
}

/// The anchor of a heading, as the usual renderers make it.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_')
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (c == ' ')
      anchor += '-';
  }
  return anchor;
}

std::set<std::string> anchors_of(const fs::path& page) {
  std::set<std::string> anchors;
  for (const std::string& line : base::split(base::read_file(page), '\n'))
    if (line.starts_with("#")) anchors.insert(anchor_of(line.substr(line.find_first_not_of("# "))));
  return anchors;
}

TEST(Docs, RelativeLinksLeadSomewhere) {
  const std::regex link(R"(\]\(([^)\s]+)\))");
  int links = 0;
  for (const fs::path& page : pages()) {
    const std::string text = base::read_file(page);
    for (std::sregex_iterator found(text.begin(), text.end(), link), end; found != end; ++found) {
      const std::string target = (*found)[1];
      if (target.find("://") != std::string::npos) continue;
      const std::size_t hash = target.find('#');
      const fs::path file = hash == 0 ? page : page.parent_path() / target.substr(0, hash);
      EXPECT_TRUE(fs::exists(file)) << page << ": " << target;
      if (hash != std::string::npos && fs::exists(file))
        EXPECT_TRUE(anchors_of(file).contains(target.substr(hash + 1))) << page << ": " << target;
      ++links;
    }
  }
  EXPECT_GT(links, 10);
}

TEST(Docs, TheFrontPageStaysAFrontPageAndNamesEveryOther) {
  const std::string front = base::read_file(kRoot / "README.md");
  EXPECT_LE(base::split(front, '\n').size(), 200u);
  for (const auto& entry : fs::directory_iterator(kRoot / "docs"))
    EXPECT_NE(front.find("docs/" + entry.path().filename().string()), std::string::npos) << entry.path();
}

/// The command lines of `muster` in indented blocks, without what follows a comment or a pipe.
std::vector<std::string> shown_commands(const std::string& text) {
  std::vector<std::string> commands;
  const std::regex command(R"(^(?:\$ )?(?:\w+=\S+ )*(?:build/bin/)?muster ([a-z].*)$)");
  for (const std::string& line : base::split(text, '\n')) {
    if (!line.starts_with("    ")) continue;
    for (std::string part : base::split(base::trim(line), '|')) {
      part = base::trim(part.substr(0, part.find(" #")));
      if (const std::size_t both = part.find(" && "); both != std::string::npos) part.resize(both);
      std::smatch match;
      if (std::regex_match(part, match, command)) commands.push_back(match[1]);
    }
  }
  return commands;
}

TEST(Docs, ShownCommandsHaveVerbsAndOptionsThatExist) {
  std::map<std::string, std::string> help;
  int commands = 0;
  for (const fs::path& page : pages()) {
    for (const std::string& command : shown_commands(base::read_file(page))) {
      std::vector<std::string> words = base::split(command, ' ');
      const std::string verb = words.front();
      if (!help.contains(verb)) {
        const tests::CommandResult said = tests::run_command({MUSTER_BINARY_DIR "/bin/muster", verb, "--help"});
        EXPECT_EQ(said.code, 0) << page << ": muster " << command << "\n" << said.output;
        help[verb] = said.output;
      }
      for (const std::string& word : words) {
        if (!word.starts_with("-") || word == "--") continue;
        const std::string option = word.substr(0, word.find('='));
        EXPECT_NE(help[verb].find(option), std::string::npos) << page << ": muster " << command;
      }
      ++commands;
    }
  }
  EXPECT_GT(commands, 15);
}

}  // namespace
}  // namespace muster

// The pages of --help, made from what the verbs say of themselves.
#include "launcher/cli/verb.h"
#include "runtime/base/text.h"

namespace muster::cli {

using base::text;

namespace {

std::string padded(const std::string& word, std::size_t width) {
  return word + std::string(word.size() < width ? width - word.size() : 1, ' ');
}

}  // namespace

std::string help_text(const std::vector<Verb>& verbs) {
  std::string page = "muster - GRPO post-training of language models on Slurm clusters\n\nusage: muster VERB ...\n\n";
  for (const Verb& verb : verbs) {
    if (verb.page.is_for_people) page += text("  ", padded(verb.page.name, 10), verb.page.summary, "\n");
  }
  page += "\nexamples\n";
  for (const Verb& verb : verbs) {
    if (verb.page.is_for_people) page += text("  ", verb.page.example, "\n");
  }
  return page +
         "\nmuster VERB --help says more, muster --version which one this is. Exit codes: 0 done, 2 invalid input, 3\n"
         "cluster problem, 4 a rank crashed or hung, 70 internal error (a bug), 128 + N ended by signal N; doctor: 1\n"
         "something to look at.\n";
}

std::string help_text(const Verb& verb) {
  std::string page = text("muster ", verb.page.name, " ", verb.page.usage, "\n\n  ", verb.page.summary, "\n\n");
  for (const Flag& flag : verb.flags) {
    const std::size_t comma = flag.name.find(',');
    const std::string letter = comma == std::string::npos ? "" : "-" + flag.name.substr(comma + 1) + ", ";
    page += text("  ", padded(letter + "--" + flag.long_name() + (flag.value.empty() ? "" : " " + flag.value), 22),
                 flag.meaning, "\n");
  }
  return page + text("\nexample\n  ", verb.page.example, "\n");
}

}  // namespace muster::cli

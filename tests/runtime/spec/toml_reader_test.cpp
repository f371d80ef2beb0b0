#include "runtime/spec/toml_reader.h"

#include <gtest/gtest.h>

namespace muster::spec {
namespace {

std::string faults_text(const base::Faults& faults) {
  return faults.empty() ? "" : std::string(Error(base::ErrorKind::user, faults.list()).what());
}

TEST(TomlReader, ReadsEachTypeAndKeepsDefaultsOfWhatIsAbsent) {
  base::Faults faults;
  TomlReader reader =
      TomlReader::parse("a = 3\nb = 1\nc = true\nd = \"x\"\ne = [\"p\", \"q\"]\n[t]\nf = [1, 2]\n", "f.toml", faults);
  std::int64_t a = 0, absent = 7;
  double b = 0;
  bool c = false;
  std::string d;
  std::vector<std::string> e;
  std::vector<std::int64_t> f;
  reader.read("a", a, 0, 9);
  reader.read("b", b, 0, 9);
  reader.read("c", c);
  reader.read("d", d);
  reader.read("e", e);
  reader.read("absent", absent, 0, 9);
  reader.table("t").read("f", f);
  reader.finish();
  EXPECT_EQ(faults_text(faults), "");
  EXPECT_EQ(a, 3);
  EXPECT_EQ(b, 1.0);
  EXPECT_TRUE(c);
  EXPECT_EQ(d, "x");
  EXPECT_EQ(e, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(f, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(absent, 7);
}

TEST(TomlReader, KnowsWhatOtherTrainersCallAKey) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse("learning_rate = 1e-6\nbeta = 0.1\n", "f.toml", faults);
  double lr = 0, betas = 0;
  reader.read("lr", lr, 0, 1);
  reader.read("betas", betas, 0, 1);
  reader.finish();
  ASSERT_EQ(faults.list().size(), 2u);
  EXPECT_TRUE(faults.list()[1].fix.starts_with("did you mean 'lr'?")) << faults.list()[1].fix;
  // kl_weight is no key of this table, so the nearest that is one is named.
  EXPECT_TRUE(faults.list()[0].fix.starts_with("did you mean 'betas'?")) << faults.list()[0].fix;
}

TEST(TomlReader, NamesPlaceAndNearestKeyOfEachFaultInOneGo) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse("steps = \"ten\"\n[train]\ntpp = 2\ndp = 0\n", "job.toml", faults);
  std::int64_t steps = 5, tp = 1, dp = 1;
  reader.read("steps", steps, 0, 100);
  TomlReader train = reader.table("train");
  train.read("tp", tp, 1, 8);
  train.read("dp", dp, 1, 8);
  reader.finish();
  ASSERT_EQ(faults.list().size(), 3u);
  EXPECT_EQ(faults.list()[0].where, "job.toml:1:9");
  EXPECT_EQ(faults.list()[1].where, "job.toml:4:6");
  EXPECT_EQ(faults.list()[1].fix, "must be between 1 and 8");
  EXPECT_EQ(faults.list()[2].where, "job.toml:3:1");
  EXPECT_NE(faults.list()[2].fix.find("did you mean 'tp'"), std::string::npos);
  EXPECT_EQ(steps, 5);
  EXPECT_EQ(dp, 1);
}

TEST(TomlReader, SaysWhereTheSyntaxBreaks) {
  base::Faults faults;
  TomlReader::parse("a = 1\nb = = 2\n", "job.toml", faults);
  ASSERT_EQ(faults.list().size(), 1u);
  EXPECT_EQ(faults.list()[0].where.substr(0, 11), "job.toml:2:");
}

TEST(TomlReader, RefusesWhatItsParserTakesForGranted) {
  std::vector<std::string> documents{
      "[,]", "[ = 2", "[[]]", "[", "a = 12:x", "a = 1979-05-27T", "f = 0'\u00fc''x1F", "a = \"\"\"x \\\n  \u00fc"};
  for (const char* character : {"\u00a1", "\u00fc", "\u0416", "\U0001F600", "\x80", "\xff"}) {
    for (const std::string before : {"a = ", "a = 1 ", "", "[t", "[t] ", "a = [1", "a = {"})
      documents.push_back(before + character);
  }
  for (const std::string& document : documents) {
    base::Faults faults;
    TomlReader::parse("x = 1\n" + document, "f", faults);
    ASSERT_EQ(faults.list().size(), 1u) << document;
    EXPECT_TRUE(faults.list()[0].where.starts_with("f:"))
        << document << " at " << faults.list()[0].where;  // bytes that are no UTF-8: a line early
  }
}

TEST(TomlReader, TextAndCommentsMayHoldAnyCharacter) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse("a = \"\u00fc\u0416\" # \u00fc\nb = \"\"\"x \\\n  \u00fc\"\"\"\n", "f", faults);
  std::string a, b;
  reader.read("a", a);
  reader.read("b", b);
  EXPECT_TRUE(faults.empty());
  EXPECT_EQ(a, "\u00fc\u0416");
  EXPECT_EQ(b, "x \u00fc");
}

TEST(TomlReader, RefusesNotANumberWhereABoundStands) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse("a = nan\nb = inf\n", "f", faults);
  double a = 1, b = 1;
  reader.read("a", a, 0, 9);
  reader.read("b", b, 0, 9);
  EXPECT_EQ(faults.list().size(), 2u);
  EXPECT_EQ(a, 1);
}

TEST(TomlReader, TakesOverridesAsTomlOrAsABareWord) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse_override("model.name=qwen3-8b", faults);
  std::string name;
  reader.table("model").read("name", name);
  EXPECT_EQ(name, "qwen3-8b");
  TomlReader digits = TomlReader::parse_override("name = 2024", faults);
  digits.read("name", name);
  EXPECT_EQ(name, "2024");
  EXPECT_TRUE(faults.empty());
  TomlReader::parse_override("no equals sign", faults);
  ASSERT_EQ(faults.list().size(), 1u);
  EXPECT_EQ(faults.list()[0].where, "--set no equals sign");
}

TEST(TomlReader, FinishLooksIntoListsOfTables) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse("r = [\n  { a = 1 },\n  { a = 1, z = 2 },\n]\n", "f", faults);
  std::int64_t a = 0;
  for (TomlReader& entry : reader.tables("r")) entry.read("a", a, 0, 9);
  reader.finish();
  ASSERT_EQ(faults.list().size(), 1u);
  EXPECT_EQ(faults.list()[0].where, "f:3:12");
  EXPECT_EQ(faults.list()[0].what, "unknown key 'z' in [r[1]]");
}

TEST(TomlReader, SaysABoundWithAllItsDigits) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse("beta2 = 1\nshare = 2.5\n", "f", faults);
  double beta2 = 0.5, share = 0.5;
  reader.read("beta2", beta2, 0, 0.9999999);
  reader.read("share", share, 0, 1);
  ASSERT_EQ(faults.list().size(), 2u);
  EXPECT_NE((faults.list()[0].what + faults.list()[0].fix).find("between 0 and 0.9999999"), std::string::npos);
  EXPECT_NE((faults.list()[1].what + faults.list()[1].fix).find("between 0 and 1"), std::string::npos);
}

}  // namespace
}  // namespace muster::spec

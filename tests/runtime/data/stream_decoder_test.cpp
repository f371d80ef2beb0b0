#include "runtime/data/stream_decoder.h"

#include <gtest/gtest.h>

#include "runtime/base/random.h"
#include "runtime/base/utf8.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {
namespace {

using Ids = std::vector<std::int32_t>;

Tokenizer small() { return Tokenizer::read(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/gpt2.tokenizer.json"); }

TEST(StreamDecoder, HoldsBackWhatIsNoCharacterYet) {
  const Tokenizer tokenizer = small();
  const Ids ids = tokenizer.encode("a\U0001F680", false);  // the rocket is in no merge: four tokens of a byte each
  ASSERT_EQ(ids.size(), 5u);
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.take(ids[0]), "a");
  for (int i = 1; i < 4; ++i) EXPECT_EQ(decoder.take(ids[i]), "");
  EXPECT_EQ(decoder.take(ids[4]), "\U0001F680");
  EXPECT_EQ(decoder.take(ids[1]), "");
  EXPECT_EQ(decoder.take(ids[0]), "\uFFFDa");
  EXPECT_EQ(decoder.take(ids[1]), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

// Any ids: broken characters, special tokens, ids that no token has.
TEST(StreamDecoder, AllTogetherIsWhatDecodingGives) {
  const Tokenizer tokenizer = small();
  const base::RandomKey key(3, base::Purpose::test);
  for (std::uint64_t round = 0; round < 4000; ++round) {
    const auto words = key.at(round);
    Ids ids;
    for (std::uint32_t i = 0; i < 1 + words[0] % 12; ++i)
      ids.push_back(static_cast<std::int32_t>(key.at(round * 100 + i)[1] % (words[1] % 3 == 0 ? 910u : 256u)) - 1);
    const bool skip = words[2] % 2 == 0;
    StreamDecoder decoder(tokenizer, skip);
    std::string text;
    for (const std::int32_t id : ids) {
      const std::string part = decoder.take(id);
      ASSERT_TRUE(base::is_utf8(part));
      text += part;
    }
    ASSERT_EQ(text + decoder.finish(), tokenizer.decode(ids, skip));
  }
}

}  // namespace
}  // namespace muster::data

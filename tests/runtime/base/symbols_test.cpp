#include "runtime/base/symbols.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace muster::base {
namespace {

template <class Function>
std::uint64_t address_of(Function* function) {
  return reinterpret_cast<std::uint64_t>(function);
}

TEST(Symbols, NamesFunctionsOfTheProgramAndOfASharedLibrary) {
  const std::vector<CodePlace> places = code_places(::getpid(), {address_of(code_places) + 1, address_of(::getenv), 7});
  EXPECT_NE(places[0].symbol.find("code_places"), std::string::npos) << places[0].module;
  EXPECT_EQ(places[1].symbol, "getenv");
  EXPECT_NE(places[1].module.find("libc"), std::string::npos);
  EXPECT_EQ(places[2], (CodePlace{.address = 7})) << "nothing is mapped there";
}

TEST(Symbols, AddressesAreTheModulesOwn) {
  const std::vector<CodePlace> places = code_places(::getpid(), {address_of(code_places) + 1});
  EXPECT_EQ(symbols_at(places[0].module, {places[0].address})[0], places[0].symbol);
}

TEST(Symbols, AFileThatIsNoneOfElfHasNone) {
  EXPECT_EQ(symbols_at("/etc/passwd", {0, 100}), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(symbols_at("/no/such/file", {0}), std::vector<std::string>{""});
}

TEST(Symbols, AProcessThatHasEndedHasNoNames) { EXPECT_EQ(code_places(1 << 30, {42})[0], (CodePlace{.address = 42})); }

}  // namespace
}  // namespace muster::base

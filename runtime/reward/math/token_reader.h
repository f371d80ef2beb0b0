// A place in the tokens of an answer, with what a backtracking parser needs: rewinding, remembered results (each rule
// is tried once at each place, so that parsing is linear), and a limit of depth.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/reward/math/lexer.h"
#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

class TokenReader {
 protected:
  explicit TokenReader(std::vector<Lexeme> lexemes) : lexemes_(std::move(lexemes)) {}

  const Lexeme& current() const { return lexemes_[at_]; }
  bool at(Token token) const { return current().token == token; }
  bool at_relation(const char* sign) const { return at(Token::relation) && current().text == sign; }
  const Lexeme& advance() { return lexemes_[at(Token::end) ? at_ : at_++]; }
  bool take(Token token) {
    if (!at(token)) return false;
    advance();
    return true;
  }
  bool take_relation(const char* sign) { return at_relation(sign) && take(Token::relation); }
  std::size_t place() const { return at_; }
  void rewind(std::size_t place) { at_ = place; }
  /// The source between two places, white space left out.
  std::string written(std::size_t from, std::size_t to) const {
    std::string out;
    for (std::size_t i = from; i < to; ++i) out += lexemes_[i].written;
    return out;
  }

  class Deeper {
   public:
    explicit Deeper(TokenReader& reader) : reader_(reader) {
      if (++reader_.depth_ > kMaxDepth) {
        --reader_.depth_;
        throw TooMuch{};
      }
    }
    ~Deeper() { --reader_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    TokenReader& reader_;
  };

  enum class Rule { set_atom, relation, expr, applied_name, count };
  template <class Parse>
  Expr remembered(Rule rule, const Parse& parse) {
    const std::size_t key = at_ * static_cast<std::size_t>(Rule::count) + static_cast<std::size_t>(rule);
    if (const auto found = memory_.find(key); found != memory_.end()) {
      if (found->second.expr) at_ = found->second.end;
      return found->second.expr;
    }
    const Deeper deeper(*this);
    Expr expr = parse();
    memory_[key] = {expr, at_};
    return expr;
  }

 private:
  static constexpr int kMaxDepth = 400;
  struct Remembered {
    Expr expr;
    std::size_t end = 0;
  };
  std::vector<Lexeme> lexemes_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::unordered_map<std::size_t, Remembered> memory_;
};

}  // namespace muster::reward::math

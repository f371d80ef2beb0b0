#include "runtime/chat/expression_parser.h"

#include <algorithm>

#include "runtime/base/text.h"
#include "runtime/chat/filters.h"
#include "runtime/chat/tests.h"

namespace muster::chat {
namespace {

constexpr std::size_t kMostArguments = 50;
constexpr int kDeepest = 100;      // of brackets within brackets
constexpr int kDeepestNode = 250;  // a + b + c ... is a tree as deep as it is long

class Deeper {
 public:
  Deeper(int& depth, const TokenStream& tokens) : depth_(depth) {
    if (++depth_ > kDeepest) tokens.fail(base::text("expressions are nested deeper than ", kDeepest));
  }
  ~Deeper() { --depth_; }

 private:
  int& depth_;
};

}  // namespace

ExpressionPtr ExpressionParser::measured(ExpressionPtr node) const {
  int deepest = 0;
  for (const ExpressionPtr& part : node->parts)
    if (part) deepest = std::max(deepest, part->depth);
  for (const auto& [name, part] : node->named) deepest = std::max(deepest, part->depth);
  node->depth = deepest + 1;
  if (node->depth > kDeepestNode)
    fail_at(tokens_.where(), node->line, base::text("an expression of more than ", kDeepestNode, " parts in a chain"));
  return node;
}

template <class... Parts>
ExpressionPtr ExpressionParser::make(ExpressionKind kind, int line, Parts... parts) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  (node->parts.push_back(std::move(parts)), ...);
  return measured(std::move(node));
}

ExpressionPtr ExpressionParser::expression(bool with_choice) {
  const Deeper deeper(depth_, tokens_);
  if (!with_choice) return either();
  ExpressionPtr node = either();
  while (tokens_.is_name("if")) {
    const int line = tokens_.take().line;
    ExpressionPtr condition = either();
    ExpressionPtr otherwise = tokens_.skip_name("else") ? expression() : nullptr;
    node = make(ExpressionKind::choice, line, std::move(condition), std::move(node), std::move(otherwise));
  }
  return node;
}

ExpressionPtr ExpressionParser::chain(const char* word, ExpressionKind kind,
                                      ExpressionPtr (ExpressionParser::*operand)()) {
  ExpressionPtr node = (this->*operand)();
  while (tokens_.is_name(word)) {
    const int line = tokens_.take().line;
    ExpressionPtr right = (this->*operand)();
    node = make(kind, line, std::move(node), std::move(right));
  }
  return node;
}

ExpressionPtr ExpressionParser::either() { return chain("or", ExpressionKind::either, &ExpressionParser::both); }
ExpressionPtr ExpressionParser::both() { return chain("and", ExpressionKind::both, &ExpressionParser::negation); }

ExpressionPtr ExpressionParser::negation() {
  const Deeper deeper(depth_, tokens_);
  if (!tokens_.is_name("not")) return compare();
  const int line = tokens_.take().line;
  return make(ExpressionKind::negation, line, negation());
}

ExpressionPtr ExpressionParser::compare() {
  const int line = tokens_.now().line;
  ExpressionPtr first = sum();
  std::vector<ExpressionPtr> parts;
  std::vector<std::string> operators;
  for (;;) {
    const Token& now = tokens_.now();
    constexpr std::string_view kSigns[] = {"==", "!=", "<", "<=", ">", ">="};
    const bool is_sign = now.kind == TokenKind::sign && std::count(std::begin(kSigns), std::end(kSigns), now.text) > 0;
    const Token& ahead = tokens_.ahead();
    const bool is_not_in = tokens_.is_name("not") && ahead.kind == TokenKind::name && ahead.text == "in";
    if (!is_sign && !is_not_in && !tokens_.is_name("in")) break;
    operators.push_back(is_not_in ? "not in" : now.text);
    tokens_.take();
    if (is_not_in) tokens_.take();
    parts.push_back(sum());
  }
  if (parts.empty()) return first;
  auto node = make(ExpressionKind::compare, line, std::move(first));
  for (ExpressionPtr& part : parts) node->parts.push_back(std::move(part));
  node->operators = std::move(operators);
  return measured(std::move(node));
}

ExpressionPtr ExpressionParser::arithmetic(std::initializer_list<const char*> signs,
                                           ExpressionPtr (ExpressionParser::*operand)()) {
  ExpressionPtr node = (this->*operand)();
  const auto is_one = [&] {
    return std::any_of(signs.begin(), signs.end(), [&](const char* sign) { return tokens_.is_sign(sign); });
  };
  while (is_one()) {
    const Token sign = tokens_.take();
    ExpressionPtr right = (this->*operand)();
    node = make(ExpressionKind::arithmetic, sign.line, std::move(node), std::move(right));
    node->text = sign.text;
  }
  return node;
}

ExpressionPtr ExpressionParser::sum() { return arithmetic({"+", "-"}, &ExpressionParser::concat); }
ExpressionPtr ExpressionParser::product() { return arithmetic({"*", "/", "//", "%"}, &ExpressionParser::power); }

ExpressionPtr ExpressionParser::concat() {
  ExpressionPtr first = product();
  if (!tokens_.is_sign("~")) return first;
  auto node = make(ExpressionKind::concat, tokens_.now().line, std::move(first));
  while (tokens_.skip_sign("~")) node->parts.push_back(product());
  return measured(std::move(node));
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr node = unary();
  while (tokens_.is_sign("**")) {
    const int line = tokens_.take().line;
    ExpressionPtr right = unary();
    node = make(ExpressionKind::arithmetic, line, std::move(node), std::move(right));
    node->text = "**";
  }
  return node;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Deeper deeper(depth_, tokens_);
  const int line = tokens_.now().line;
  ExpressionPtr node;
  if (tokens_.skip_sign("-"))
    node = make(ExpressionKind::negative, line, unary(false));
  else if (tokens_.skip_sign("+"))
    node = make(ExpressionKind::positive, line, unary(false));
  else
    node = primary();
  node = postfix(std::move(node));
  while (with_filters) {
    if (tokens_.is_sign("|"))
      node = filters(std::move(node));
    else if (tokens_.is_name("is"))
      node = test(std::move(node));
    else if (tokens_.is_sign("("))
      node = call(std::move(node));
    else
      break;
  }
  return node;
}

ExpressionPtr ExpressionParser::primary() {
  const Token token = tokens_.now();
  const auto constant = [&](Value::Content content) {
    auto node = make(ExpressionKind::constant, token.line);
    node->value = Value(std::move(content));
    return node;
  };
  switch (token.kind) {
    case TokenKind::name: {
      tokens_.take();
      if (token.text == "true" || token.text == "True") return constant(true);
      if (token.text == "false" || token.text == "False") return constant(false);
      if (token.text == "none" || token.text == "None") return constant(None{});
      auto node = make(ExpressionKind::name, token.line);
      node->text = token.text;
      return node;
    }
    case TokenKind::text: {
      std::string text;
      while (tokens_.is(TokenKind::text)) text += tokens_.take().text;
      return constant(Text{std::make_shared<const std::string>(std::move(text))});
    }
    case TokenKind::whole:
      tokens_.take();
      return constant(token.whole);
    case TokenKind::real:
      tokens_.take();
      return constant(token.real);
    default:
      break;
  }
  if (tokens_.skip_sign("(")) {
    ExpressionPtr node = tuple_until(true, "", true);
    tokens_.expect_sign(")");
    return node;
  }
  if (tokens_.is_sign("[")) return list();
  if (tokens_.is_sign("{")) return dict();
  tokens_.fail_unexpected("an expression");
}

ExpressionPtr ExpressionParser::tuple(bool with_choice, std::string_view end) {
  return tuple_until(with_choice, end, false);
}

bool ExpressionParser::at_tuple_end(std::string_view end) const {
  return tokens_.is(TokenKind::print_end) || tokens_.is(TokenKind::block_end) || tokens_.is_sign(")") ||
         (!end.empty() && tokens_.is_name(end));
}

ExpressionPtr ExpressionParser::tuple_until(bool with_choice, std::string_view end, bool in_parentheses) {
  const int line = tokens_.now().line;
  std::vector<ExpressionPtr> parts;
  bool is_tuple = false;
  while (!at_tuple_end(end)) {
    parts.push_back(expression(with_choice));
    if (!tokens_.skip_sign(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && parts.size() == 1) return std::move(parts[0]);
  if (parts.empty() && !in_parentheses) tokens_.fail_unexpected("an expression");
  auto node = make(ExpressionKind::tuple, line);
  node->parts = std::move(parts);
  return measured(std::move(node));
}

ExpressionPtr ExpressionParser::list() {
  auto node = make(ExpressionKind::list, tokens_.take().line);
  while (!tokens_.is_sign("]")) {
    if (!node->parts.empty()) tokens_.expect_sign(",");
    if (tokens_.is_sign("]")) break;
    node->parts.push_back(expression());
  }
  tokens_.expect_sign("]");
  return measured(std::move(node));
}

ExpressionPtr ExpressionParser::dict() {
  auto node = make(ExpressionKind::dict, tokens_.take().line);
  while (!tokens_.is_sign("}")) {
    if (!node->parts.empty()) tokens_.expect_sign(",");
    if (tokens_.is_sign("}")) break;
    node->parts.push_back(expression());
    tokens_.expect_sign(":");
    node->parts.push_back(expression());
  }
  tokens_.expect_sign("}");
  return measured(std::move(node));
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr node) {
  for (;;) {
    if (tokens_.is_sign(".") || tokens_.is_sign("["))
      node = subscript(std::move(node));
    else if (tokens_.is_sign("("))
      node = call(std::move(node));
    else
      return node;
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr node) {
  const int line = tokens_.now().line;
  if (tokens_.skip_sign(".")) {
    if (tokens_.is(TokenKind::whole)) {
      ExpressionPtr index = primary();
      return make(ExpressionKind::item, line, std::move(node), std::move(index));
    }
    auto made = make(ExpressionKind::attribute, line, std::move(node));
    made->text = tokens_.expect_any_name();
    return made;
  }
  tokens_.expect_sign("[");
  ExpressionPtr bounds[3];
  if (!tokens_.is_sign(":")) bounds[0] = expression();
  if (tokens_.skip_sign("]")) return make(ExpressionKind::item, line, std::move(node), std::move(bounds[0]));
  for (int i = 1; i < 3 && tokens_.skip_sign(":"); ++i)
    if (!tokens_.is_sign(":") && !tokens_.is_sign("]")) bounds[i] = expression();
  tokens_.expect_sign("]");
  return make(ExpressionKind::slice, line, std::move(node), std::move(bounds[0]), std::move(bounds[1]),
              std::move(bounds[2]));
}

void ExpressionParser::arguments(Expression& node) {
  tokens_.expect_sign("(");
  for (bool first = true; !tokens_.is_sign(")"); first = false) {
    if (!first) tokens_.expect_sign(",");
    if (tokens_.is_sign(")")) break;
    if (tokens_.is_sign("*") || tokens_.is_sign("**")) tokens_.fail("*arguments and **arguments are not supported");
    if (tokens_.is(TokenKind::name) && tokens_.ahead().kind == TokenKind::sign && tokens_.ahead().text == "=") {
      std::string name = tokens_.take().text;
      tokens_.take();
      node.named.emplace_back(std::move(name), expression());
    } else {
      if (!node.named.empty()) tokens_.fail("an argument without a name stands behind one with a name");
      node.parts.push_back(expression());
    }
  }
  tokens_.expect_sign(")");
  if (node.parts.size() + node.named.size() > kMostArguments)
    fail_at(tokens_.where(), node.line, base::text("more than ", kMostArguments, " arguments"));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr node) {
  auto made = make(ExpressionKind::call, tokens_.now().line, std::move(node));
  arguments(*made);
  return measured(std::move(made));
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr input, bool begins_with_name) {
  while (begins_with_name || tokens_.skip_sign("|")) {
    begins_with_name = false;
    const int line = tokens_.now().line;
    auto node = make(ExpressionKind::filter, line, std::move(input));
    node->text = tokens_.expect_any_name();
    if (!is_filter(node->text)) fail_at(tokens_.where(), line, "filter '" + node->text + "' is not supported");
    if (tokens_.is_sign("(")) arguments(*node);
    input = measured(std::move(node));
  }
  return input;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr node) {
  const int line = tokens_.take().line;
  const bool is_negated = tokens_.skip_name("not");
  auto made = make(ExpressionKind::test, line, std::move(node));
  made->text = tokens_.expect_any_name();
  if (!is_test(made->text)) fail_at(tokens_.where(), line, "test '" + made->text + "' is not supported");
  const TokenKind kind = tokens_.now().kind;
  const bool is_operand =
      kind == TokenKind::text || kind == TokenKind::whole || kind == TokenKind::real || tokens_.is_sign("[") ||
      tokens_.is_sign("{") ||
      (kind == TokenKind::name && !tokens_.is_name("else") && !tokens_.is_name("or") && !tokens_.is_name("and"));
  if (tokens_.is_sign("(")) {
    arguments(*made);
  } else if (is_operand) {
    if (tokens_.is_name("is")) tokens_.fail("tests cannot follow one another");
    made->parts.push_back(postfix(primary()));
  }
  made = measured(std::move(made));
  return is_negated ? make(ExpressionKind::negation, line, std::move(made)) : std::move(made);
}

}  // namespace muster::chat

#include "runtime/reward/math/undress.h"

#include <gtest/gtest.h>

namespace muster::reward::math {
namespace {

TEST(Undress, MarkdownsEmphasisGoesAndProductsStay) {
  for (const char* dressed : {"**3/4**", "*3/4*", "__3/4__", "_3/4_", "`3/4`", "***3/4***", "```\n3/4\n```"}) {
    const std::string plain = undressed(dressed);
    EXPECT_EQ(plain.substr(plain.find('3'), 3), "3/4") << dressed;
    EXPECT_EQ(plain.find_first_of("*_`"), std::string::npos) << dressed;
  }
  EXPECT_EQ(undressed("**Answer:** 7"), "Answer: 7");
  EXPECT_EQ(undressed("**Answer:**7"), "Answer:7");
  for (const char* same :
       {"2**10", "2*3*4", "a_1 + b_1", "$x^* y^*$", "f(x)*g(x)*h(x)", "x_{1}+y_{2}", "(101)_2 + (11)_2"})
    EXPECT_EQ(undressed(same), same);
}

TEST(Undress, SignsOfUnicodeBecomeLatex) {
  EXPECT_EQ(undressed("−5"), "-5");
  EXPECT_EQ(undressed("–5"), "-5");
  EXPECT_EQ(undressed("3–5"), "3–5") << "a range";
  EXPECT_EQ(undressed("2√5"), "2\\sqrt{5}");
  EXPECT_EQ(undressed("√(x+√2)"), "\\sqrt{x+\\sqrt{2}}");
  EXPECT_EQ(undressed("∛27"), "\\sqrt[3]{27}");
  EXPECT_EQ(undressed("2½"), "2\\frac{1}{2}");
  EXPECT_EQ(undressed("x²ⁿ"), "x^{2n}");
  EXPECT_EQ(undressed("10⁻³"), "10^{-3}");
  EXPECT_EQ(undressed("a₁₂"), "a_{12}");
  EXPECT_EQ(undressed("90°"), "90^{\\circ}");
  EXPECT_EQ(undressed("１２"), "12");
  EXPECT_EQ(undressed("𝑥+𝟐"), "x+2");
  EXPECT_EQ(undressed("π"), "π") << "a sign that the lexer knows";
  EXPECT_EQ(undressed("\xFF√"), "\xFF\\sqrt") << "no UTF-8, and nothing behind the root";
}

TEST(Undress, TypeFacesGoFromFormulasAndStayOnNames) {
  EXPECT_EQ(undressed("\\text{13}"), "13");
  EXPECT_EQ(undressed("\\mathbf{\\frac{3}{4}}"), "\\frac{3}{4}");
  EXPECT_EQ(undressed("\\textbf{\\mathit{13}}"), "13");
  EXPECT_EQ(undressed("\\mathbf{x}"), "x");
  EXPECT_EQ(undressed("\\mathrm{e}^2"), "e^2");
  EXPECT_EQ(undressed("5\\,\\mathrm{m}"), "5\\,\\mathrm{m}") << "a unit";
  EXPECT_EQ(undressed("\\text{Evelyn}"), "\\text{Evelyn}");
  EXPECT_EQ(undressed("\\text{13 cm}"), "13\\text{ cm}");
  EXPECT_EQ(undressed("{\\bf 13}"), "{13}");
  EXPECT_EQ(undressed("\\textcolor{red}{13}"), "{13}");
  EXPECT_EQ(undressed("\\$36 and \\\\$"), "36 and \\\\$");
}

TEST(Undress, CharactersAreCounted) {
  EXPECT_EQ(num_characters(""), 0U);
  EXPECT_EQ(num_characters("a。b"), 3U);
}

}  // namespace
}  // namespace muster::reward::math

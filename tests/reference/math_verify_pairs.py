"""Pairs of gold answer and answer, graded by Math-Verify: the fixture of the reward `math`.

Usage: tools/reference math_verify_pairs.py [--count 2000] [--seed 7] > tests/golden/reward/math_verify_pairs.jsonl

Each line is {"id", "gold", "answer", settings, "expected"}; `expected` is what math-verify (its version stands in
math_verify_pairs.txt) says with its default extraction. The first word of an id is the class of the pair. The same seed
gives the same pairs.
"""
import argparse
import json
import random
from fractions import Fraction

from math_verify import parse, verify

R = random.Random()
UNITS = ["cm", "m", "kg", "km", "feet", "hours", "minutes", "dollars", "degrees", "miles", "inches", "mph"]


def nonzero(most):
    return R.choice([-1, 1]) * R.randint(1, most)


def latex_fraction(f, style=None):
    if f.denominator == 1:
        return str(f.numerator)
    style = style or R.choice(["\\frac", "\\dfrac", "\\tfrac", "/", "-\\frac"])
    sign = "-" if f < 0 else ""
    if style == "/":
        return f"{f.numerator}/{f.denominator}"
    if style == "-\\frac":
        return f"{sign}\\frac{{{abs(f.numerator)}}}{{{f.denominator}}}"
    return f"{style}{{{f.numerator}}}{{{f.denominator}}}"


def fraction(most=30):
    return Fraction(nonzero(most), R.randint(2, most))


def polynomial(coefficients, variable="x"):
    """Highest power first."""
    terms = []
    for k, c in enumerate(coefficients):
        power = len(coefficients) - 1 - k
        if c == 0:
            continue
        head = "" if abs(c) == 1 and power > 0 else str(abs(c))
        tail = "" if power == 0 else variable if power == 1 else f"{variable}^{power}" if power < 10 else f"{variable}^{{{power}}}"
        terms.append(("-" if c < 0 else "+", head + tail))
    if not terms:
        return "0"
    out = ("-" if terms[0][0] == "-" else "") + terms[0][1]
    for sign, term in terms[1:]:
        space = R.choice(["", " "])
        out += space + sign + space + term
    return out


# Each class gives (gold, answer) as LaTeX without signs around; the wrapping comes after.


def integers():
    n = nonzero(10 ** R.randint(1, 7))
    text = R.choice([str(n), f"{n:,}", f"{n}.0", f"+{abs(n)}" if n > 0 else str(n), f"{n:,}".replace(",", "{,}"),
                     f"{n:,}".replace(",", "\\,"), str(n + R.choice([0, 0, 1, -1])), f"0{abs(n)}"])
    return str(n), text


def fractions():
    f = fraction()
    g = R.choice([f, f, f, -f, 1 / f, f + 1])
    k = R.randint(2, 5)
    scaled = f"\\frac{{{g.numerator * k}}}{{{g.denominator * k}}}"
    return latex_fraction(f), R.choice([latex_fraction(g), scaled, f"\\frac{abs(f.numerator) % 10}{f.denominator % 10 or 1}"])


def mixed_numbers():
    whole, part = R.randint(1, 9), Fraction(R.randint(1, 8), R.randint(9, 12))
    total = whole + part
    mixed = f"{whole}\\frac{{{part.numerator}}}{{{part.denominator}}}"
    return R.choice([(latex_fraction(total, "\\frac"), mixed), (mixed, latex_fraction(total)), (mixed, f"{float(total):.6f}"),
                     (latex_fraction(total, "\\frac"), f"{whole + 1}\\frac{{{part.numerator}}}{{{part.denominator}}}")])


def decimals():
    f = fraction(50)
    digits = R.randint(1, 8)
    value = float(f)
    return R.choice([(latex_fraction(f), f"{value:.{digits}f}"), (f"{value:.{digits}f}", latex_fraction(f)),
                     (f"{value:.3f}", f"{value:.{digits}f}"), (f"{value:.2f}", f"{value:.4f}"),
                     (f"{value:.4f}", f"{value + 0.0001:.4f}"), (f"{round(value, 1)}", f"{round(value, 1)}0")])


def rounding():
    f = fraction(90)
    decimals = R.randint(0, 6)
    value = float(f)
    gold, answer = R.choice([(latex_fraction(f), f"{value:.{decimals}f}"), (f"{value:.{decimals + 2}f}", f"{value:.{decimals}f}"),
                             (f"{value:.{decimals}f}", latex_fraction(f))])
    return gold, answer, {"precision": R.choice([decimals, 2, 3, 4])}


def percentages():
    n = R.choice([R.randint(1, 100), R.randint(1, 999) / 10])
    other = R.choice([n, n, n + 1])
    sign = R.choice(["\\%", "\\%", " \\%", "%"])
    return R.choice([(f"{n}\\%", f"{other}{sign}"), (f"{n}\\%", f"{other}"), (f"{n}\\%", f"{round(other / 100, 6)}"),
                     (f"{n}", f"{other}{sign}"), (f"{round(n / 100, 6)}", f"{other}{sign}"),
                     (latex_fraction(Fraction(str(n)) / 100), f"{other}\\%"), (f"{n}\\%", f"{other} \\text{{percent}}"),
                     (f"{n}\\%", f"{other} percent")])


def units():
    n = R.choice([R.randint(1, 500), R.randint(1, 999) / 10])
    unit = R.choice(UNITS)
    other = R.choice([n, n, n + 1])
    power = R.choice(["", "", "^2", "^3"])
    return R.choice([(f"{n}", f"{other}\\text{{ {unit}}}"), (f"{n}", f"{other} {unit}"), (f"{n}\\text{{ {unit}}}{power}", f"{other}"),
                     (f"{n}\\mbox{{ {unit}}}{power}", f"{other}\\text{{ {unit}}}{power}"), (f"{n}^\\circ", f"{other}"),
                     (f"{n}", f"{other}^{{\\circ}}"), (f"{n}", f"\\${other}"), (f"\\${n}", f"{other}"),
                     (f"{n}", f"{other}\\,\\mathrm{{{unit}}}"), (f"{n} \\text{{ {unit}}}", f"{other} \\textrm{{ {R.choice(UNITS)}}}")])


def radicals():
    a, b = R.randint(2, 9), R.choice([2, 3, 5, 6, 7, 10, 11])
    square = a * a * b
    return R.choice([(f"{a}\\sqrt{{{b}}}", f"\\sqrt{{{square}}}"), (f"{a}\\sqrt{{{b}}}", f"{a}\\sqrt{b}" if b < 10 else f"{a}\\sqrt{{{b}}}"),
                     (f"\\frac{{{a}}}{{\\sqrt{{{b}}}}}", f"\\frac{{{a}\\sqrt{{{b}}}}}{{{b}}}"), (f"{a}+\\sqrt{{{b}}}", f"\\sqrt{{{b}}}+{a}"),
                     (f"{a}+\\sqrt{{{b}}}", f"{a}-\\sqrt{{{b}}}"), (f"\\sqrt{{{b}}}", f"{b ** 0.5:.6f}"), (f"\\sqrt{{{b}}}", f"{b ** 0.5:.3f}"),
                     (f"\\sqrt[3]{{{a ** 3}}}", f"{a}"), (f"{a}\\sqrt{{{b}}}", f"{a + 1}\\sqrt{{{b}}}"), (f"\\sqrt{{{a * a}}}", f"{a}"),
                     (f"{b}^{{\\frac{{1}}{{2}}}}", f"\\sqrt{{{b}}}"), (f"\\sqrt{{{a}}} + \\sqrt{{{b}}}", f"\\sqrt{{{b}}} + \\sqrt{{{a}}}")])


def pi_and_e():
    f = abs(fraction(9))
    n = R.randint(2, 30)
    return R.choice([(f"{n}\\pi", f"\\pi \\cdot {n}"), (f"\\frac{{{f.numerator}\\pi}}{{{f.denominator}}}", f"\\frac{{{f.numerator}}}{{{f.denominator}}}\\pi"),
                     (f"{n}\\pi", f"{n + 1}\\pi"), (f"{n}\\pi", f"{n * 3.14159265358979:.6f}"), (f"{n}\\pi", f"{n * 3.14:.2f}"),
                     (f"e^{{{n}}}", f"e^{n}" if n < 10 else f"e^{{{n}}}"), (f"e^2+{n}", f"{n}+e^2"), (f"\\ln {n}", f"\\ln({n})"),
                     (f"\\ln {n * n}", f"2\\ln {n}"), (f"\\log_2 {2 ** R.randint(1, 9)}", f"{R.randint(1, 9)}"), (f"{n}\\pi", f"{n}π")])


def powers():
    b, e = R.randint(2, 9), R.randint(2, 12)
    return R.choice([(f"{b}^{{{e}}}", f"{b ** e}"), (f"{b ** e}", f"{b}^{{{e}}}"), (f"{b}^{{-{e}}}", f"\\frac{{1}}{{{b ** e}}}"),
                     (f"{b} \\times 10^{{{e}}}", f"{b * 10 ** e}"), (f"{b}.5 \\times 10^{{{e}}}", f"{int((b + 0.5) * 10 ** e)}"),
                     (f"{b}^{{{e}}}", f"{b ** e + 1}"), (f"{b}!", f"{R.choice([b, b + 1])}!"), (f"\\binom{{{b + 3}}}{{{b}}}", f"{(b + 3) * (b + 2) * (b + 1) // 6}"),
                     (f"{b * e}", f"{b} \\cdot {e}"), (f"{b * e}", f"{b} \\times {e}"), (f"{b + e}", f"{b} + {e}")])


def polynomials():
    a, b, c, d = nonzero(6), nonzero(9), nonzero(6), nonzero(9)
    x = R.choice(["x", "y", "n", "t"])
    product = polynomial([a * c, a * d + b * c, b * d], x)
    factors = f"({polynomial([a, b], x)})({polynomial([c, d], x)})"
    return R.choice([(product, factors), (factors, product), (product, polynomial([a * c, a * d + b * c + 1, b * d], x)),
                     (product, polynomial([a * c, a * d + b * c, b * d], "z")), (polynomial([a, b], x), f"{b} + {polynomial([a, 0], x)}" if a > 0 else polynomial([a, b], x)),
                     (f"({x}+{abs(a)})^2", polynomial([1, 2 * abs(a), a * a], x)), (polynomial([a, b, c], x), polynomial([a, b, c], x)),
                     (f"\\frac{{{polynomial([1, b], x)}}}{{{abs(c) + 1}}}", f"\\frac{{{x}}}{{{abs(c) + 1}}} + \\frac{{{b}}}{{{abs(c) + 1}}}"),
                     (f"\\frac{{1}}{{{x}}} + \\frac{{1}}{{{x}+1}}", f"\\frac{{2{x}+1}}{{{x}({x}+1)}}")])


def symbolic():
    a, n = R.choice("abcmpqr"), R.randint(2, 9)
    return R.choice([(f"{n}{a}", f"{a} \\cdot {n}"), (f"2 \\sin x \\cos x", "\\sin(2x)"), ("\\sin^2 x", "1 - \\cos^2 x"), (f"{a}^2 - {n * n}", f"({a}-{n})({a}+{n})"),
                     ("\\tan x", "\\frac{\\sin x}{\\cos x}"), (f"\\frac{{{a}}}{{{n}}}", f"\\frac{{1}}{{{n}}}{a}"), (f"{n}^{{{a}+1}}", f"{n} \\cdot {n}^{{{a}}}"),
                     (f"\\sqrt{{{a}^2}}", f"|{a}|"), (f"e^{{{a}}} e^{{{a}}}", f"e^{{2{a}}}"), (f"{a}b", f"b{a}"), (f"|{a}-{n}|", f"|{n}-{a}|"),
                     (f"\\frac{{n(n+1)}}{{2}}", "\\frac{n^2+n}{2}"), (f"{a}^{n}", f"{a}^{{{n}}}"), ("\\cos x", "\\sin x"), (f"{n}{a}+1", f"{n}{a}-1"),
                     (f"\\frac{{\\pi r}}{{h+r}}", "\\frac{\\pi r}{r+h}"), ("x_1 + x_2", "x_2 + x_1"), ("f(x)", "f(y)"), ("\\alpha + \\beta", "\\beta+\\alpha")])


def sets():
    elements = R.sample(range(-20, 21), R.randint(2, 5))
    other = elements[:]
    R.shuffle(other)
    if R.random() < 0.3:
        other[0] += 1
    a, b = (", ".join(map(str, e)) for e in (elements, other))
    return R.choice([(f"\\{{{a}\\}}", f"\\{{{b}\\}}"), (a, b), (f"\\{{{a}\\}}", b), (a, f"\\{{{b}\\}}"), (f"{{{a}}}", f"\\{{{b}\\}}"), (f"\\{{{a}\\}}", f"\\left\\{{{b}\\right\\}}"),
                     (f"{elements[0]}, {elements[1]}", f"{other[0]} \\text{{ and }} {other[1]}"), (f"{elements[0]} \\text{{ or }} {elements[1]}", f"{elements[1]}, {elements[0]}")])


def plus_minus():
    a, b = R.randint(1, 9), R.choice([2, 3, 5, 7])
    return R.choice([(f"{a} \\pm \\sqrt{{{b}}}", f"{a}+\\sqrt{{{b}}}, {a}-\\sqrt{{{b}}}"), (f"\\pm {a}", f"{a}, -{a}"), (f"\\pm {a}", f"\\{{-{a}, {a}\\}}"),
                     (f"{a} \\pm \\sqrt{{{b}}}", f"{a} \\pm \\sqrt{{{b + 1}}}"), (f"\\pm {a}", f"{a}")])


def intervals():
    a = R.randint(-20, 10)
    b = a + R.randint(1, 15)
    left, right = R.choice("[("), R.choice("])")
    other_left, other_right = R.choice([(left, right), (left, right), (R.choice("[("), R.choice("])"))])
    third, fourth = b + R.randint(1, 4), b + R.randint(5, 9)
    return R.choice([(f"{left}{a},{b}{right}", f"{other_left}{a}, {b}{other_right}"), (f"{left}{a},{b}{right}", f"\\left{other_left}{a}, {b}\\right{other_right}"),
                     (f"{left}{a}/2,{b}{right}", f"{left}{a / 2},{b}{right}"), (f"(-\\infty, {a}) \\cup ({b}, \\infty)", f"({b}, \\infty) \\cup (-\\infty, {a})"),
                     (f"({a},{b}] \\cup [{third},{fourth})", f"({a},{b}] \\cup [{third},{R.choice([fourth, fourth + 1])})"), (f"(-\\infty, {a}{right}", f"(-\\infty, {a}{other_right}"),
                     (f"[{a}, \\infty)", f"x \\in [{a}, \\infty)"), (f"x \\in {left}{a},{b}{right}", f"{left}{a},{b}{right}"), (f"[{a},{b}] \\cup [{b},{fourth}]", f"[{a},{fourth}]"),
                     (f"{a} < x < {b}", f"({a}, {b})"), (f"({a}, {b})", f"{a} < x < {b}"), (f"x \\ge {a}", f"[{a}, \\infty)"), (f"\\mathbb{{R}} \\setminus \\{{{a}\\}}", f"(-\\infty,{a}) \\cup ({a},\\infty)"),
                     (f"x<{a} \\text{{ or }} x>{b}", f"(-\\infty,{a}) \\cup ({b},\\infty)")])


def set_relations():
    a = R.randint(-9, 5)
    b = a + R.randint(1, 9)
    gold, answer = R.choice([(f"({a}, {b})", f"{a} < x < {b}"), (f"[{a}, {b}]", f"{a} \\leq x \\leq {b}"), (f"({a}, \\infty)", f"x > {a}"), (f"{a} \\le x < {b}", f"[{a}, {b})"),
                             (f"[{a}, {b})", f"{a} \\le x \\le {b}")])
    return gold, answer, {"allow_set_relation_comp": R.random() < 0.6}


def tuples():
    elements = [R.choice([str(R.randint(-20, 20)), latex_fraction(fraction(9), "\\frac")]) for _ in range(R.randint(2, 4))]
    other = elements[:]
    change = R.random()
    if change < 0.25:
        other[-1] = str(R.randint(21, 30))
    elif change < 0.4:
        other.reverse()
    a, b = (",".join(e) for e in (elements, other))
    return R.choice([(f"({a})", f"({b})"), (f"({a})", f"\\left({b}\\right)"), (f"({a})", f"({b.replace(',', ', ')})"), (f"({a})", b), (a, f"({b})"), (f"({a})", f"\\{{{b}\\}}"),
                     (f"({a})", f"(x, y) = ({b})")])


def matrices():
    rows, columns = R.randint(1, 3), R.randint(1, 3)
    cells = [[R.choice([str(nonzero(9)), latex_fraction(fraction(9), "\\frac"), "0"]) for _ in range(columns)] for _ in range(rows)]
    other = [r[:] for r in cells]
    if R.random() < 0.4:
        other[0][0] = "11"
    write = lambda m, kind: f"\\begin{{{kind}}}" + " \\\\ ".join(" & ".join(r) for r in m) + f"\\end{{{kind}}}"
    return write(cells, "pmatrix"), R.choice([write(other, "pmatrix"), write(other, "bmatrix"), f"\\left[\\begin{{array}}{{{'c' * columns}}}" + " \\\\ ".join(" & ".join(r) for r in other) + "\\end{array}\\right]",
                                             write(other, "pmatrix").replace("\\end", "\\\\\\end")])


def equations():
    a, b, c, k = nonzero(9), nonzero(9), nonzero(20), R.choice([-2, -1, 2, 3])
    return R.choice([(f"x = {c}", f"{c}"), (f"{c}", f"x = {c}"), (f"x = {c}", f"x = {c + 1}"), (f"x={c}", f"y={c}"), (f"{polynomial([a, b])} = {c}", f"{polynomial([k * a, k * b])} = {k * c}"),
                     (f"y = {polynomial([a, b])}", f"y - {polynomial([a, 0]) if a > 0 else '(' + polynomial([a, 0]) + ')'} = {b}"), (f"y = {polynomial([a, b])}", polynomial([a, b])),
                     (f"y = {polynomial([a, b])}", f"y = {polynomial([a, b + 1])}"), (f"{abs(a)}x + {abs(b)}y = {c}", f"{2 * abs(a)}x + {2 * abs(b)}y = {2 * c}"),
                     (f"{abs(a)}x + {abs(b)}y = {c}", f"{abs(a)}x + {abs(b)}y - {c} = 0" if c > 0 else f"{abs(a)}x + {abs(b)}y + {-c} = 0"), (f"x^2 + y^2 = {abs(c)}", f"y^2 + x^2 = {abs(c)}"),
                     (f"x = {a}, y = {b}", f"({a}, {b})"), (f"x = {a}, y = {b}", f"x={a}, y={b}"), (f"{c}", f"{a} + {c - a} = {c}" if c > a else f"{c} = {c}"), (f"f(x) = {polynomial([a, b])}", polynomial([a, b])),
                     (f"x = {a}", f"{abs(a)}x = {a * abs(a)}"), (f"x^2 = {a * a}", f"x = {abs(a)}"), (f"2x = {c}", f"{c}")])


def inequalities():
    c = nonzero(20)
    sign, turned = R.choice([("<", ">"), (">", "<"), ("\\leq", "\\geq"), ("\\geq", "\\leq"), ("\\le", "\\ge")])
    return R.choice([(f"x {sign} {c}", f"x {sign} {c}"), (f"x {sign} {c}", f"{c} {turned} x"), (f"x {sign} {c}", f"x {turned} {c}"), (f"x {sign} {c}", f"-x {turned} {-c}"), (f"x {sign} {c}", f"x {sign} {c + 1}"),
                     (f"{c} < x < {c + 5}", f"{c} < x < {R.choice([c + 5, c + 6])}"), (f"x \\neq {c}", f"x != {c}"), (f"x {sign} {c}", f"y {sign} {c}"), (f"x {sign} {c}", f"x - {c} {sign} 0" if c > 0 else f"x + {-c} {sign} 0")])


def words():
    word = R.choice(["Evelyn", "even", "Tuesday", "blue", "odd", "Yes", "A", "B", "C", "E"])
    other = R.choice([word, word, "Monday"])
    return R.choice([(f"\\text{{{word}}}", f"\\text{{{other}}}"), (f"\\text{{{word}}}", other), (f"\\text{{({word})}}", f"\\text{{{other}}}"), (f"\\textbf{{{word}}}", f"\\text{{{other}}}"), (word, f"\\mathrm{{{other}}}")])


def complex_numbers():
    a, b = nonzero(9), R.randint(1, 9)
    return R.choice([(f"{a}+{b}i", f"{b}i+{a}" if a > 0 else f"{b}i-{-a}"), (f"{a}+{b}i", f"{a}-{b}i"), (f"{a}+{b}i", f"{a} + {b}i"), (f"{b}i", f"i \\cdot {b}")])


CLASSES = [(integers, 3), (fractions, 4), (mixed_numbers, 2), (decimals, 4), (rounding, 2), (percentages, 4), (units, 4), (radicals, 4), (pi_and_e, 3), (powers, 3), (polynomials, 4), (symbolic, 4), (sets, 4),
           (plus_minus, 2), (intervals, 5), (set_relations, 2), (tuples, 5), (matrices, 3), (equations, 5), (inequalities, 4), (words, 2), (complex_numbers, 1)]


def wrapped_gold(latex):
    return R.choice(["${}$", "${}$", "\\boxed{{{}}}", "$\\boxed{{{}}}$"]).format(latex)


def wrapped_answer(latex):
    forms = [("${}$", 4), ("\\boxed{{{}}}", 4), ("$\\boxed{{{}}}$", 3), ("The answer is ${}$.", 2), ("So we get $x+1$ first, and then $\\boxed{{{}}}$.", 2), ("Hence \\[ {} \\]", 1), ("Thus \\( {} \\).", 1),
             ("Final Answer: The final answer is ${}$. I hope it is correct.", 2), ("First $7$. The answer: ${}$", 1), ("We have \\boxed{{3}} apples.\n\nLong after that, we find that the value asked for is\n\n\\boxed{{{}}}", 1),
             ("$$\n{}\n$$", 1), ("**Answer:** ${}$", 1), ("The final answer is \\boxed{{{}}}", 1), ("Therefore, $\\boxed{{{}}}$ is what we wanted. In all 12 cases.", 1)]
    text = R.choices([f for f, _ in forms], [w for _, w in forms])[0].format(latex)
    if not any(c in latex for c in "\\^_{}") and R.random() < 0.3:
        text = R.choice(["The answer is {}", "so we get {}.", "{}", "Answer: {}", "**{}**", "x = {}", "it costs ${} in all"]).format(latex)
    return text


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=7)
    given = arguments.parse_args()
    R.seed(given.seed)
    for number in range(given.count):
        make = R.choices([c for c, _ in CLASSES], [w for _, w in CLASSES])[0]
        gold, answer, *settings = make()
        pair = {"id": f"{make.__name__}-{number}", "gold": wrapped_gold(gold), "answer": wrapped_answer(answer), **(settings[0] if settings else {})}
        verdict = verify(parse(pair["gold"]), parse(pair["answer"]), float_rounding=pair.get("precision", 6), allow_set_relation_comp=pair.get("allow_set_relation_comp", False))
        print(json.dumps({**pair, "expected": int(verdict)}, ensure_ascii=False))


if __name__ == "__main__":
    main()

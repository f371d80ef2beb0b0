#!/usr/bin/env python3
"""Fixtures of runtime/chat: one small template for each construct of the language, with what transformers' Jinja renders.

Needs (PyPI): transformers==5.23.0, jinja2==3.1.6. Usage: chat_template_fixtures.py OUTPUT_FOLDER (tests/golden/chat). Writes
  constructs.jsonl   {"template", "text"}; {"template", "refused": true} where Jinja refuses it too
All are rendered with the variables of VARIABLES, which constructs.jsonl begins with.
"""
import json, pathlib, sys

from transformers.utils.chat_template_utils import _compile_jinja_template

VARIABLES = {
    "messages": [{"role": "user", "content": "Hi"}],
    "s": "Hello, Wörld 🙂\n", "blank": "  \t x y \u00a0", "n": 7, "m": -3, "r": 2.5, "big": 1e20, "tiny": 1.5e-7, "yes": True, "no": False, "nothing": None,
    "l": [3, 1, 2], "words": ["b", "A", "c", "B"], "empty": [], "nested": [[1, [2]], {"k": [None, True, "it's"]}],
    "d": {"b": 1, "a": "x", "items": "key", "é": [1.0]}, "people": [{"name": "Zoe", "age": 3, "tags": ["x"]}, {"name": "adam", "age": 5}, {"name": "Bob", "age": 3, "tags": []}],
}

TEMPLATES = r"""
{{ s }}|{{ n }}|{{ r }}|{{ big }}|{{ tiny }}|{{ yes }}|{{ nothing }}|{{ l }}|{{ nested }}|{{ d }}|{{ missing }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 3 ** 2 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1_000 + 0 }} {{ 1e3 }} {{ 1.5e-3 }}
{{ -2 ** 2 }} {{ - m }} {{ + m }} {{ not n }} {{ not not n }} {{ -n|abs }} {{ (-n)|abs }}
{{ 10 / 4 }} {{ 10 / 5 }} {{ 1 / 3 }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 123456789012345680.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ -0.0 }} {{ 100.0 }}
{{ 'a' ~ 1 ~ none ~ true ~ missing ~ [1] }} {{ 'a' + 'b' 'c' }} {{ 'ab' * 3 }} {{ 3 * 'x' }} {{ [1] * 2 + [3] }} {{ (1, 2) + (3,) }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 == true }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 3 != 4 }} {{ 3 >= 3 }} {{ 'x' == 1 }} {{ none == missing }} {{ missing == other }}
{{ 1 in l }} {{ 9 not in l }} {{ 'ell' in s }} {{ 'a' in d }} {{ 'x' in missing }} {{ not 1 in l }} {{ '' in 'a' }}
{{ yes and n }} {{ no and n }} {{ no or 'x' }} {{ '' or none }} {{ n if yes else m }} {{ n if no }}| {{ 1 if no else 2 if no else 3 }} {{ (1 if yes else 2) + 1 }}
{{ s[0] }}{{ s[-2] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[-4:] }} {{ s[:-3] }} {{ s[100:] }}| {{ s[2:10:3] }} {{ s[10:2:-3] }} {{ l[0] }} {{ l[-1] }} {{ l[1:] }} {{ l[::-1] }} {{ l[5] }}| {{ l[:] }} {{ l[-2:] }}
{{ d.a }} {{ d['a'] }} {{ d['items'] }} {{ d.é }} {{ d.none }}| {{ d['zz'] }}| {{ people[0].name }} {{ people.0.name }} {{ people[1]['age'] }} {{ l.0 }} {{ nested[0][1][0] }} {{ s['upper']() }}
{{ {'a': 1, 'b': [2], 3: 'c', 'a': 4} }} {{ {} }} {{ [] }} {{ () }} {{ (1,) }} {{ (1, 'a') }} {{ [1, [2, (3,)]] }} {{ {'x': {'y': 1}}.x.y }} {{ [1, 2,] }} {{ {'q': 1,} }}
{{ 'a\nb\t"\'\\ \x41 é \u00e9 \101 \q' }}|{{ "it's" }}|{{ ["it's", 'a"b', "a'b\"c", 'é\n\x00\x7f\u200b🙂'] }}
{{ s.upper() }} {{ s.lower() }} {{ 'hELLO wORLD'.title() }} {{ 'hELLO'.capitalize() }} {{ 'Straße'.upper() }} {{ "they're o'neill".title() }} {{ "they're bill-bo (x)"|title }} {{ 'ÀÉ'|lower }}
[{{ blank.strip() }}] [{{ blank.lstrip() }}] [{{ blank.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'abcba'.lstrip('ab') }}] [{{ 'abcba'.rstrip('ab') }}] [{{ blank|trim }}] [{{ 'xxaxx'|trim('x') }}] [{{ 'éaé'.strip('é') }}]
{{ 'a,b,,c'.split(',') }} {{ ' a  b c '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'aXXbXXc'.split('XX')[-1] }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\nb\n'.splitlines(true) }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.endswith('bc') }} {{ 'abc'.endswith('') }} {{ 'abcb'.find('b') }} {{ 'abcb'.rfind('b') }} {{ 'äb'.find('b') }} {{ 'abc'.find('z') }} {{ 'abcb'.count('b') }} {{ 'abc'.count('') }} {{ 'abc'.index('c') }}
{{ 'abcabc'.replace('b', 'X') }} {{ 'abcabc'.replace('b', 'X', 1) }} {{ 'abc'.replace('', '-') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 'a1'|replace(1, 2) }} {{ '-'.join(['a', 'b']) }} {{ 'prefix-a'.removeprefix('prefix-') }} {{ 'a.txt'.removesuffix('.txt') }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }}
{{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ '12'.isdigit() }} {{ ' \t'.isspace() }} {{ 'ab'.islower() }} {{ 'AB1'.isupper() }} {{ ''.isalpha() }} {{ '1'.isupper() }}
{{ d.keys()|list }} {{ d.values()|list }} {{ d.get('a') }} {{ d.get('q') }} {{ d.get('q', 5) }} {{ [1, 2, 1].count(1) }} {{ [1, 2].index(2) }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for k, v in d|items %}{{ loop.index }}{{ k }}{% endfor %}{% for k, v in missing|items %}x{% endfor %}{% for k, v in d|dictsort %}{{ k }}{% endfor %}{{ d|dictsort(true) }}{{ {'b': 2, 'a': 3}|dictsort(by='value', reverse=true) }}
{{ s|length }} {{ l|length }} {{ d|count }} {{ missing|length }} {{ l|first }} {{ l|last }} {{ empty|first }}| {{ 'abc'|first }} {{ 'abc'|last }} {{ 'abc'|list }} {{ d|list }} {{ missing|list }} {{ (1, 2)|list }}
{{ l|sort }} {{ l|sort(reverse=true) }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ people|sort(attribute='name')|map(attribute='name')|join(',') }} {{ people|map(attribute='tags', default='none')|list }} {{ l|max }} {{ l|min }} {{ words|max }} {{ people|max(attribute='age') }} {{ l|sum }} {{ people|sum(attribute='age') }} {{ l|sum(start=10) }} {{ empty|max }}| {{ [1, 1, 2]|unique|list }} {{ words|unique|join }} {{ people|map(attribute='age')|unique|list }}
{{ l|join }} {{ l|join(', ') }} {{ people|join('; ', attribute='name') }} {{ ['a', 1, none, missing, 2.0]|join('-') }} {{ 'abc'|join('.') }} {{ missing|join }}|
{{ l|reverse|list }} {{ 'äbc'|reverse }} {{ l|map('string')|list }} {{ words|map('upper')|join }} {{ words|map('replace', 'b', 'q')|join }} {{ people|map(attribute='name')|map('length')|list }}
{{ people|selectattr('tags')|map(attribute='name')|list }} {{ people|rejectattr('tags')|map(attribute='name')|list }} {{ people|selectattr('age', 'equalto', 3)|list|length }} {{ people|rejectattr('age', 'gt', 3)|map(attribute='name')|join }} {{ people|selectattr('tags', 'defined')|list|length }} {{ l|select('odd')|list }} {{ l|reject('odd')|list }} {{ [0, 1, '']|select|list }} {{ [0, 1, '']|reject|list }} {{ ['a', 'b']|reject('equalto', 'a')|join(', ') }} {{ l|select('in', [1, 2])|list }}
{{ people|selectattr('age', '==', 3)|map(attribute='name')|join }} {{ l|select('<', 3)|list }} {{ l|select('<=', 2)|list }} {{ l|select('>', 1)|list }} {{ l|reject('>=', 2)|list }} {{ l|select('!=', 3)|list }}
{{ missing|default('x') }} {{ ''|default('x') }}| {{ ''|default('x', true) }} {{ none|default('x') }} {{ none|d('x', boolean=true) }} {{ missing|default }}| {{ d.q|default(5) }} {{ 0|default(1, true) }}
{{ '42'|int }} {{ ' 42 '|int }} {{ '4.7'|int }} {{ 'x'|int }} {{ 'x'|int(-1) }} {{ 4.7|int }} {{ -4.7|int }} {{ true|int }} {{ none|int }} {{ 'ff'|int(base=16) }} {{ '1_0'|int }} {{ '4.5'|float }} {{ 'x'|float }} {{ 'x'|float(1.5) }} {{ 3|float }} {{ '1e3'|float }} {{ '+5'|int }} {{ '-5'|int }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 7|round }} {{ 2.1|round(method='ceil') }} {{ 2.9|round(0, 'floor') }} {{ 1234.5|round(-2) }} {{ -2.5|abs }} {{ -2|abs }} {{ 42.55|round(1)|int }}
{{ 'a'|string }} {{ 5|string ~ 'x' }} {{ l|string }} {{ none|string }} {{ '<b>&"\''|e }} {{ '<b>'|escape }} {{ '<b>'|safe }} {{ ('<b>'|safe) + '<i>' }} {{ '<i>' + ('<b>'|safe) }} {{ '<b>'|e|e }} {{ '<'|safe ~ '>' }} {{ missing|string }}| {{ missing|upper }}| {{ 5|upper }} {{ 'abc'|capitalize }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb\n\nc'|indent(2, true) }}|{{ 'a\n\nb'|indent(2, blank=true) }}|{{ 'a\nb'|indent('>> ') }}|{{ ''|indent }}|
{{ d|tojson }} {{ nested|tojson }} {{ s|tojson }} {{ 'é\x00\x1f\x7f\u2028"\\/<>&'|tojson }} {{ none|tojson }} {{ r|tojson }} {{ big|tojson }} {{ [1.0, 1e-7, true]|tojson }} {{ {1: 2, none: 3, true: 4, 2.5: 1}|tojson }}
{{ nested|tojson(indent=2) }} {{ {}|tojson(indent=2) }} {{ []|tojson(indent=4) }} {{ d|tojson(indent=0) }} {{ d|tojson(sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ 'é🙂\x7f'|tojson(ensure_ascii=true) }} {{ d|tojson(true) }} {{ [1, {'a': 2}]|tojson(indent='\t') }}
{{ n is number }} {{ yes is number }} {{ r is float }} {{ n is integer }} {{ yes is integer }} {{ yes is boolean }} {{ s is string }} {{ d is mapping }} {{ l is mapping }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is sequence }} {{ l is iterable }} {{ n is iterable }} {{ missing is iterable }} {{ missing is sequence }} {{ nothing is none }} {{ missing is none }}
{{ missing is defined }} {{ missing is not defined }} {{ s is defined }} {{ missing is undefined }} {{ d.q is defined }} {{ d.a is defined }} {{ yes is true }} {{ 1 is true }} {{ no is false }} {{ 3 is odd }} {{ 3 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is le 1 }} {{ 2 is gt 1 }} {{ 2 is ge 3 }} {{ 1 is in [1] }} {{ 'a' is lower }} {{ 'A' is upper }} {{ 1 is sameas 1 }} {{ none is sameas none }} {{ true is sameas true }} {{ 1 is sameas true }} {{ 'x' is filter }} {{ 'upper' is filter }} {{ 'odd' is test }}
{{ not missing is defined }} {{ n is defined and n > 3 }} {{ 'yes' if n is odd else 'no' }} {{ s is string and not n is string }} {{ raise_exception is defined }} {{ namespace is callable }} {{ s is callable }} {{ l|length is eq 3 }} {{ d.items is defined }} {{ d.keys is callable }}
{% if n > 5 %}big{% elif n > 2 %}mid{% else %}small{% endif %} {% if missing %}a{% endif %} {% if l %}list{% endif %} {% if not l %}x{% elif m < 0 %}neg{% endif %} {% if 0.0 %}x{% else %}zero{% endif %} {% if l|select('gt', 9) %}generators are true{% endif %}
{% for x in l %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }}/{{ x }}/{{ loop.previtem }}/{{ loop.nextitem }}/{{ loop.depth }}/{{ loop.cycle('a', 'b') }}/{{ loop.changed(x > 1) }};{% else %}none{% endfor %}
{% for x in empty %}{{ x }}{% else %}none{% endfor %} {% for x in missing %}{{ x }}{% else %}none{% endfor %} {% for c in 'äb' %}{{ c }}.{% endfor %} {% for x in l if x > 1 %}{{ loop.index }}{{ x }}{{ loop.last }} {% else %}no{% endfor %} {% for x in l if x > 9 %}{% else %}no{% endfor %}
{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }} {% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for x in 1, 2, 3 %}{{ x }}{% endfor %}{% for i in range(3) %}{{ i }}{% endfor %}{{ range(2, 10, 3)|list }}{{ range(5, 0, -2)|list }}{{ range(3)|length }}
{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %} {% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}
{% for x in [1, [2, [3]]] recursive %}{% if x is number %}{{ x }}@{{ loop.depth }}{% else %}({{ loop(x) }}){% endif %}{% endfor %}
{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }} {% if true %}{% set x = 5 %}{% endif %}{{ x }} {% for i in [1] %}{% set y = 1 %}{% endfor %}{{ y }}|
{% set ns = namespace(a=1, b='x') %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}| {% set ns.c = [ns.a] %}{{ ns.c }} {{ ns['a'] }} {% set other = namespace({'q': 1}, z=2) %}{{ other.q + other.z }} {{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2).y }}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set a, b = b, a %}{{ a }}{{ b }} {% set t = 1, %}{{ t }} {% set q %}captured {{ n }}{% endset %}{{ q }}{{ q|length }} {% set q | upper | trim %}  abc {% endset %}[{{ q }}] {% set ns = namespace() %}{% set ns.x %}in{% endset %}{{ ns.x }}
{% macro f(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(1, c=4) }}{{ f(b=1, a=0) }}{{ f() }} {{ f(1)|length }} {{ f is callable }} {{ f(1).upper() }}
{% set g = 'global' %}{% macro f() %}{{ g }}{{ inner }}{% endmacro %}{% set inner = 'later' %}{{ f() }} {% for i in [1] %}{% set g = 'loop' %}{{ f() }}{% endfor %} {% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(3) }} {% macro h(x) %}{% set g = x %}{{ g }}{% endmacro %}{{ h(1) }}{{ g }}
{% macro box(title) %}<{{ title }}>{{ caller() }}</{{ title }}>{% endmacro %}{% call box('b') %}in {{ n }}{% endcall %} {% macro each(l) %}{% for x in l %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x) each([1, 2]) %}({{ x }}){% endcall %}
{% filter upper %}abc {{ s }}{% endfilter %}{% filter replace('a', 'b')|trim %} aa {% endfilter %}{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}| {% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}| {% generation %}answer {{ n }}{% endgeneration %} {% print n, s[0] %}
{% raw %}{{ not }} {% this %} {# text #}{% endraw %}|{%- raw -%}  x  {%- endraw -%}  |{# a comment {{ x }} #}|{#- stripped -#}  |
a  {{- 1 -}}  b  {%- if yes -%}  c  {%- endif -%}  d {{- ' e ' }} f {%+ if yes %} g {%+ endif +%} h
{{ '%' }}{{ '}}' }}{{ "{%" }} {{ '{#' }} { {{ 1 }} } {{ {'a': {'b': 1}} }} {% if '%}' %}x{% endif %} }} %} #}
{{ 1 }}{{ 'a' }}{{ [1][0] }}{{ (1) }}{{ ('a')['upper']() }}{{ 'a b'.split()[1].upper() }}{{ [s][0][0] }}{{ l|first + 1 }}{{ (l|length) * 2 }}{{ -l|length }}
{{ s.missing }}| {{ missing is callable }}
{{ s|unknown }}
{{ missing.x }}
{{ missing + 1 }}
{{ 'a' + 1 }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ 'a' < 1 }}
{{ none.x.y }}
{{ missing() }}
{{ s() }}
{{ s.nope() }}
{{ l.append(4) }}
{{ d.update({}) }}
{{ raise_exception('told ' ~ n) }}
{{ n|length }}
{{ l|select('odd')|length }}
{{ missing|tojson }}
{{ -missing }}
{{ 'x'|list|sort(attribute='y')|first }}
{% for x in 5 %}{% endfor %}
{% for a, b in [1] %}{% endfor %}
{% set s.x = 1 %}
{% set ns = namespace(_x=1) %}
{% set a, b = [1, 2, 3] %}
{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}
{% macro f(a) %}{% endmacro %}{{ f(b=2) }}
{% break %}
{% if yes %}
{% endif %}
{{ 1 + }}
{{ (1 }}
{{ 'open }}
{{ [1, 2 }}
{% for x %}{% endfor %}
{% else %}
{{ a b }}
{{ 1 is }}
{% set true = 1 %}
{# open
{% raw %} open
{{ range(1000000) }}
{{ d['a']['b']['c'] }}
{{ @ }}
{{ 5.x }}
{{ loop(1) }}
""".strip().split("\n")

# Those with line breaks of their own.
LAYOUTS = [
    "{% if yes %}\n  yes\n{% endif %}\nend\n",
    "  {% if yes %}  \n  yes\n  {% endif %}\nend\n\n",
    "a\n  {%- if yes %}\n  b\n  {%- endif %}\nc",
    "a\n  {%+ if yes %}\n  b\n  {%+ endif +%}\nc",
    "\n\n{%- set x = 1 -%}\n\n{{ x }}\n\n{{- x }}\n",
    "{% for x in l %}\n  - {{ x }}\n{% endfor %}\n",
    "{% for x in l -%}\n  - {{ x }}\n{%- endfor %}\n",
    "a {# c #}\n  {# c #}\nb {#- c -#} \n d\n  {#+ c #}x",
    "  {{ n }}\n  {{ n }}\n",
    "{{ n }}\n{{ n -}}\n   x",
    "a\r\nb\rc\n{{ 'x\r\ny' }}\r\n",
    "{% raw %}\n  {{ x }}\n{% endraw %}\n  {% raw %} y {% endraw %}  \nz",
    "{% macro f(x) %}\n  <{{ x }}>\n{% endmacro %}\n{{ f(1) }}\n{{ f(2) }}",
    "{% set q %}\n  text\n{% endset %}\n[{{ q }}]",
    "{% generation %}\n  answer\n{% endgeneration %}\nend",
    "x{% if yes %} {% endif %}\n\n\ny\n\n",
    "{{ 'a' }}\n\n\n",
    "\u3000{%- if yes -%}\u2003x\u00a0{%- endif %}",
    "{% if\n  yes\n  and n\n%}ok{% endif %}{{\n n\n}}",
    "",
    "\n",
    "\n\n",
    "no tags at all\n",
]


def main():
    with open(pathlib.Path(sys.argv[1]) / "constructs.jsonl", "w", encoding="utf-8") as file:
        write = lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")
        write(VARIABLES)
        for template in TEMPLATES + LAYOUTS:
            try:
                write({"template": template, "text": _compile_jinja_template(template).render(**VARIABLES, tools=None, documents=None, add_generation_prompt=False)})
            except Exception as error:
                write({"template": template, "refused": True})
                print(f"{template[:60]!r}: {type(error).__name__} {error}", file=sys.stderr)


if __name__ == "__main__":
    main()

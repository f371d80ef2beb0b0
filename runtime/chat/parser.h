// Reads a template. This is the language, the part of Jinja (3.1) that chat templates are written in, with what
// transformers adds (tojson, raise_exception, strftime_now, generation, break and continue):
//
//   template    = { text | "{{" tuple "}}" | "{#" comment "#}" | "{%" statement "%}" }
//                 "-" at the inside of a tag strips the white space beside it, "+" keeps it; without them a block takes
//                 the line break behind it, and white space before it when the line holds nothing else
//   statement   = if tuple | elif tuple | else | endif
//               | for targets in tuple [if expression] [recursive] | else | endfor | break | continue
//               | set targets "=" tuple | set targets { filter } ... endset       (a target may be namespace.name)
//               | macro name(parameters) ... endmacro | call [(parameters)] expression ... endcall
//               | filter name{ filter } ... endfilter | with name = expression, ... endwith
//               | generation ... endgeneration | raw ... endraw | print tuple
//   expression  = or [if or [else expression]]
//   or          = and { "or" and }        and = not { "and" not }        not = "not" not | compare
//   compare     = sum { (== != < <= > >= in "not in") sum }
//   sum         = concat { (+ -) concat } concat = product { ~ product } product = power { (* / // %) power }
//   power       = unary { ** unary }      unary = (- | +) unary | primary { postfix } { filter | test | call }
//   primary     = name | text { text } | number | true | false | none | (tuple) | [list] | {dict}
//   postfix     = .name | .number | [expression] | [from:to:step] | call
//   call        = (expression, ..., name = expression, ...)
//   filter      = "|" name [call]         test = is [not] name [call | primary { postfix }]
//
// filters   abs capitalize count d default dictsort e escape first float indent int items join last length list lower
//           map max min reject rejectattr replace reverse round safe select selectattr sort string sum title tojson
//           trim unique upper
// tests     boolean callable defined divisibleby eq equalto even false filter float ge greaterthan gt in integer
//           iterable le lessthan lower lt mapping ne none number odd sameas sequence string test true undefined upper
//           and in select(...) and its like also "==" "!=" "<" "<=" ">" ">="
// functions dict namespace raise_exception range strftime_now; in a for loop `loop`
// methods   of text: capitalize count endswith find index isalnum isalpha isdigit islower isspace isupper join lower
//           lstrip partition removeprefix removesuffix replace rfind rpartition rsplit rstrip split splitlines
//           startswith strip title upper; of dicts: get items keys values; of lists: count index
//
// Everything else of Jinja (include, import, extends, block, autoescape, do, *arguments) is refused with its line.
#pragma once

#include <string>

#include "runtime/chat/syntax.h"

namespace muster::chat {

/// `where` names the template in errors. throws: Error::user at "where:line".
Body parse_template(const std::string& source, const std::string& where);

}  // namespace muster::chat

#!/bin/bash
# pyarrow's reader of JSON lines turns a column of gold answers into timestamps when each of them looks like a date.
#
# Guess before the run: a JSON string stays text; only a schema can make a date of it.
# Seen with pyarrow 26.0.1 (2026-11-30): a column in which every string is "YYYY-MM-DD" (an hour or a time may follow) comes
# back as timestamp[s], its values as datetime objects; one row of other text makes the whole column text again, also in a
# file of many blocks. "2024-01", "20240102", "2024-1-2" and the impossible "2023-02-29" stay text. So the type of an answer,
# and with it what a grader compares ("2024-01-02 00:00:00" as text), depends on the other rows of the file.
# Beside it: an integer beyond 64 bits makes its column double, also where all others are whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import io

import pyarrow
import pyarrow.json


def column(*answers, block=1 << 20):
    lines = "".join('{"final": %s}\n' % answer for answer in answers)
    options = pyarrow.json.ReadOptions(block_size=block)
    table = pyarrow.json.read_json(io.BytesIO(lines.encode()), read_options=options)
    return str(table.schema.field("final").type), str(table.column("final")[0].as_py())


seen = {
    "all dates": column('"2024-01-02"', '"2025-11-30"'),
    "one row of text": column('"2024-01-02"', '"x = 2"'),
    "one row of text, many blocks": column(*['"2024-01-02"'] * 100, '"x = 2"', block=256),
    "a date with an hour": column('"2024-01-02 10"'),
    "an impossible date": column('"2023-02-29"'),
    "a month": column('"2024-01"'),
    "2^64": column("18446744073709551616", "1"),
}
expected = {
    "all dates": ("timestamp[s]", "2024-01-02 00:00:00"),
    "one row of text": ("string", "2024-01-02"),
    "one row of text, many blocks": ("string", "2024-01-02"),
    "a date with an hour": ("timestamp[s]", "2024-01-02 10:00:00"),
    "an impossible date": ("string", "2023-02-29"),
    "a month": ("string", "2024-01"),
    "2^64": ("double", "1.8446744073709552e+19"),
}
print("pyarrow", pyarrow.__version__)
for case, result in seen.items():
    print(f"  {case:29} {result[0]:13} {result[1]}")
assert seen == expected, "the behaviour has changed"
PYTHON

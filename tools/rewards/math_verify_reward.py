#!/usr/bin/env python3
"""The reward `command` by Math-Verify itself. Needs: pip install math-verify==0.9.0 antlr4-python3-runtime==4.13.2

Reads {"id", "prompt", "answer", "gold", "row"}, one JSON object a line, and answers {"id", "reward"}.
"""
import json
import sys

from math_verify import parse, verify

replies, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints goes to the log
for line in sys.stdin:
    asked = json.loads(line)
    right = verify(parse("\\boxed{%s}" % asked["gold"]), parse(asked["answer"]))
    print(json.dumps({"id": asked["id"], "reward": float(right)}), file=replies, flush=True)

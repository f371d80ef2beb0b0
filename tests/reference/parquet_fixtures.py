#!/usr/bin/env python3
"""Writes tests/golden/data/parquet: small Parquet files of the schemas that are known by name, and of odd ones.

Run by hand: parquet_fixtures.py OUT. Made with pyarrow 26.0.1.
"""
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    sums = [(a, b) for a in range(1, 6) for b in range(1, 6)]
    pq.write_table(pa.table({
        "problem": [f"What is {a} + {b}?" for a, b in sums],
        "generated_solution": [f"{a} + {b} = \\boxed{{{a + b}}}" for a, b in sums],
        "expected_answer": [str(a + b) for a, b in sums],
        "problem_source": ["sums"] * len(sums),
    }), out / "openmathinstruct-2.parquet", compression="snappy", row_group_size=7)
    pq.write_table(pa.table({
        "data_source": ["math_dapo"] * 3,
        "prompt": pa.array([[{"content": f"Solve {n}", "role": "user"}] for n in range(3)],
                           pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))),
        "reward_model": pa.array([{"ground_truth": str(n), "style": "rule"} for n in range(3)]),
        "extra_info": pa.array([{"index": f"i{n}"} for n in range(3)]),
    }), out / "dapo-math-17k.parquet", compression="zstd")
    pq.write_table(pa.table({
        "text": ["plain", 'quote " backslash \\ newline \n tab \t', "é 你好 😀", None, ""],
        "whole": pa.array([1, -2, None, 2**62, 0], pa.int64()),
        "real": [0.5, float("nan"), float("inf"), 1e300, None],
        "flag": [True, False, None, True, False],
        "bytes": [b"ok", b"\xff\xfe", b"", None, b"x"],
        "word": pa.array(["a", "b", "a", None, "b"]).dictionary_encode(),
        "list": [[1, 2], [], None, [3], [4, 5]],
    }), out / "kinds.parquet", compression="gzip")
    pq.write_table(pa.table({
        "fixed": pa.array([["4", "x"], ["5", "y"], None], pa.list_(pa.string(), 2)),
        "view": pa.array([[1, 2], [], None], pa.list_(pa.int64())),
        "map": pa.array([[("a", 1), ("b", None)], [], None], pa.map_(pa.string(), pa.int64())),
        "pairs": pa.array([[(1, "one"), (2, "two")], [], None], pa.map_(pa.int32(), pa.string())),
        "decimal": pa.array([Decimal("1.50"), Decimal("-0.25"), None], pa.decimal128(10, 2)),
        "day": pa.array([date(2026, 11, 30), date(1999, 1, 2), None]),
    }), out / "nested.parquet")
    pq.write_table(pa.table({
        "extra.problem": ["p"],
        "reward_model.ground_truth": ["7"],
        "turns": pa.array([[{"content": "c"}]]),
        "unused": [1],
    }), out / "dotted.parquet")
    pq.write_table(pa.table({"text": ["x" * 1000] * 300_000}), out / "bomb.parquet", compression="zstd")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), out / "empty.parquet")


main()

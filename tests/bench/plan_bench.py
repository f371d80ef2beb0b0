#!/usr/bin/env python3
"""CPU seconds of `muster plan` for every published row, plan and page: plan_bench.py BINARIES. Prints JSON lines, the slowest last, then
the sum of all."""
import json
import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

root = Path(__file__).resolve().parents[2]
muster = os.path.join(sys.argv[1], "muster")
rows = tomllib.loads((root / "templates/published.toml").read_text())["row"]


def children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


measured = []
for row in rows:
    before_s = children_cpu_s()
    done = subprocess.run([muster, "plan", row["id"]], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"muster plan {row['id']} ended with {done.returncode}: {done.stderr}")
    measured.append({"row": row["id"], "gpus": row["gpus"], "cpu_s": round(children_cpu_s() - before_s, 3), "page_bytes": len(done.stdout)})
for line in sorted(measured, key=lambda each: each["cpu_s"]):
    print(json.dumps(line))
print(json.dumps({"rows": len(measured), "cpu_s": round(sum(each["cpu_s"] for each in measured), 3)}))

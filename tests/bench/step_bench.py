#!/usr/bin/env python3
"""Seconds of a step of a job, as JSON: `tests/bench/step_bench.py reverse-digits --set grpo.steps=40`.

Runs `muster run` in a temporary folder and reads the records it leaves; the first steps are left out of the medians.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("job")
parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
parser.add_argument("--skip", type=int, default=3)
parser.add_argument("--binaries", type=Path, default=Path(__file__).resolve().parents[2] / "build" / "bin")
options = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    run = Path(folder) / "run"
    command = [options.binaries / "muster", "run", options.job, "--run-dir", run, "--set", "checkpoint.final_model=false"]
    for assignment in options.set:
        command += ["--set", assignment]
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
    with open(run / "steps.jsonl", encoding="utf-8") as file:
        steps = [json.loads(line) for line in file][options.skip:]
    exits = [json.loads(path.read_text()) for path in sorted(run.glob("attempt_*/rank_*.exit"))]

print(json.dumps({
    "job": options.job,
    "set": options.set,
    "steps": len(steps),
    "step_s": statistics.median(s["step_s"] for s in steps),
    "phases": {phase: round(statistics.median(s["phases"][phase] for s in steps), 5) for phase in steps[0]["phases"]},
    "tokens_per_s_per_gpu": statistics.median(s["tokens_per_s_per_gpu"] for s in steps),
    "last_reward": steps[-1]["reward"],
    "peak_memory_mb": max(e["peak_memory_bytes"] for e in exits) >> 20,
}))

#!/usr/bin/env python3
"""Step to step of a split run with generation one step ahead, against the same run in turn:
`tests/bench/overlap_bench.py reverse-digits --set grpo.steps=40`.

Both runs are made one after the other, `--rounds` times; a line of JSON a round, then the median ratio. `starved_s` and
`throttled_s` are what trainers and generators waited for each other, as shares of a step.
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
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--binaries", type=Path, default=Path(__file__).resolve().parents[2] / "build" / "bin")
options = parser.parse_args()


def medians(settings):
    """Medians over the steps of one run, but for the first and the last, which have nothing to overlap with."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [options.binaries / "muster", "run", options.job, "--run-dir", run]
        for assignment in ["placement.mode=split", "gen.dp=1", "train.dp=1", "loss.correction=truncate",
                           "checkpoint.final_model=false"] + options.set + settings:
            command += ["--set", assignment]
        subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
        with open(run / "steps.jsonl", encoding="utf-8") as file:
            steps = [json.loads(line) for line in file][options.skip:-1]
    return {field: statistics.median(step[field] for step in steps)
            for field in ("step_to_step_s", "starved_s", "throttled_s", "age_mean")}


ratios = []
for _ in range(options.rounds):
    in_turn, ahead = medians([]), medians(["async.enabled=true"])
    ratios.append(ahead["step_to_step_s"] / in_turn["step_to_step_s"])
    print(json.dumps({
        "job": options.job,
        "in_turn_s": in_turn["step_to_step_s"],
        "one_ahead_s": ahead["step_to_step_s"],
        "ratio": round(ratios[-1], 3),
        "starved": round(ahead["starved_s"] / ahead["step_to_step_s"], 3),
        "throttled": round(ahead["throttled_s"] / ahead["step_to_step_s"], 3),
        "age": ahead["age_mean"],
    }), flush=True)
print(json.dumps({"ratio": round(statistics.median(ratios), 3)}))

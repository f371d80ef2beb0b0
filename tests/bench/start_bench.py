#!/usr/bin/env python3
"""Seconds from `muster submit` to the first samples of 32 ranks (4 nodes x 8) under the Slurm lab of the tests, as JSON.

Step 1 holds samples of every rank, so its record is an upper bound of every rank's first sampled token. Also the CPU seconds that a
rank spent until then, and its unshared memory (USS), read from /proc while the ranks run.
"""
import argparse
import datetime
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--ranks", type=int, default=32)
parser.add_argument("--binaries", type=Path, default=root / "build" / "bin")
options = parser.parse_args()


def ranks_running():
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() == "muster-rank":
                found.append(entry)
        except OSError:
            pass
    return found


def unshared_mb(process):
    return sum(int(line.split()[1]) for line in (process / "smaps_rollup").read_text().splitlines() if line.startswith("Private_")) / 1024


def cpu_s(process):
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


with tempfile.TemporaryDirectory() as folder:
    lab, run = Path(folder) / "lab", Path(folder) / "run"
    started = subprocess.run([root / "tests/support/slurm_lab.sh", "start", lab, "--nodes", "4", "--owner", str(os.getpid())], check=True, stdout=subprocess.PIPE, text=True).stdout
    os.environ["SLURM_CONF"] = started.strip().removeprefix("SLURM_CONF=")
    try:
        command = [options.binaries / "muster", "submit", "reverse-digits", "--cluster", "test-slurm", "--run-dir", run]
        for assignment in (f"gen.dp={options.ranks}", f"train.dp={options.ranks}", "warmup.sft_steps=0", "grpo.steps=400", "checkpoint.final_model=false"):
            command += ["--set", assignment]
        begin = time.time()
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        steps = run / "steps.jsonl"
        while not (steps.exists() and steps.stat().st_size > 0 and steps.read_text().endswith("\n")):
            if time.time() - begin > 120:
                raise SystemExit("no step within 120 s; see " + str(run))
            time.sleep(0.02)
        ranks = ranks_running()
        cpu, memory = [cpu_s(p) for p in ranks], [unshared_mb(p) for p in ranks]
        stamp = json.loads(steps.read_text().splitlines()[0])["time"]
        first = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() - begin
        subprocess.run([str(options.binaries / "muster"), "cancel", str(run)], check=True, stdout=subprocess.DEVNULL)
    finally:
        subprocess.run([root / "tests/support/slurm_lab.sh", "stop", lab], check=False, stdout=subprocess.DEVNULL)

print(json.dumps({"ranks": len(ranks), "first_step_s": round(first, 2), "cpu_s_per_rank": {"mean": round(sum(cpu) / len(cpu), 3), "max": max(cpu)},
                  "unshared_mb_per_rank": {"mean": round(sum(memory) / len(memory), 1), "max": round(max(memory), 1)}}))

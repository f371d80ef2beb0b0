#!/usr/bin/env python3
"""Seconds from `muster submit` until each of 32 ranks (4 nodes x 8) has drawn its first token under the Slurm lab of the tests, as JSON.

A rank's beat page (runtime/spec/beat.h) tells its phase and counts its decode passes; the page is read through /proc. Beside it the CPU
seconds that the rank had spent when it was seen there, and its unshared memory (USS) at the end of step 1.
"""
import argparse
import json
import os
import struct
import subprocess
import tempfile
import time
from pathlib import Path

GENERATE = 3  # of spec::Phase
root = Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--ranks", type=int, default=32)
parser.add_argument("--binaries", type=Path, default=root / "build" / "bin")
options = parser.parse_args()


def ranks_of(run):
    """The processes of this run's ranks, by process id."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() == "muster-rank" and str(run).encode() in (entry / "environ").read_bytes():
                found.append(entry)
        except OSError:
            pass
    return found


class Beat:
    """The page of one rank: beats, progress and calls (u64 each), in_call and phase (u32 each), step (i64)."""

    def __init__(self, process):
        self.page = next(fd for fd in (process / "fd").iterdir() if "muster" in os.readlink(fd) and "memfd" in os.readlink(fd)).open("rb", buffering=0)
        self.entered = None  # progress when it was first seen generating

    def has_drawn(self):
        self.page.seek(0)
        _, progress, _, _, phase, step = struct.unpack("<QQQIIq", self.page.read(40))
        if phase < GENERATE or step < 1:
            return False
        if self.entered is None:
            self.entered = progress
        return phase > GENERATE or progress > self.entered


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
        beats, cpu = {}, {}
        steps = run / "steps.jsonl"
        while len(cpu) < options.ranks or not (steps.exists() and steps.read_text().endswith("\n")):
            if time.time() - begin > 120:
                raise SystemExit(f"{len(cpu)} of {options.ranks} ranks have drawn a token within 120 s; see {run}")
            for process in ranks_of(run) if len(beats) < options.ranks else []:
                if process not in beats:
                    try:
                        beats[process] = Beat(process)
                    except (OSError, StopIteration):
                        pass  # still starting
            for process, beat in beats.items():
                if process not in cpu and beat.has_drawn():
                    cpu[process] = cpu_s(process)
                    first = time.time() - begin
            time.sleep(0.02)
        memory = [unshared_mb(process) for process in beats]
        subprocess.run([str(options.binaries / "muster"), "cancel", str(run)], check=True, stdout=subprocess.DEVNULL)
    finally:
        subprocess.run([root / "tests/support/slurm_lab.sh", "stop", lab], check=False, stdout=subprocess.DEVNULL)

print(json.dumps({"ranks": len(cpu), "all_at_first_token_s": round(first, 2), "cpu_s_per_rank": {"mean": round(sum(cpu.values()) / len(cpu), 3), "max": max(cpu.values())},
                  "unshared_mb_per_rank": {"mean": round(sum(memory) / len(memory), 1), "max": round(max(memory), 1)}}))

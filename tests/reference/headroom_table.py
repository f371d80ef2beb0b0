#!/usr/bin/env python3
"""Prints the README's table of headroom: what every published job leaves free of its GPU, by `muster plan --json`.

Usage: headroom_table.py MUSTER TEMPLATES_FOLDER     (Python 3.11, nothing else)
"""
import json
import subprocess
import sys
from pathlib import Path

muster, templates = sys.argv[1], Path(sys.argv[2])
print("| job | largest phase of a rank | GB | of | free | moves |\n|---|---|---|---|---|---|")
jobs = sorted(path.stem for path in (templates / "jobs").glob("*.toml") if not path.stem.endswith("-synthetic"))
for job in (name for name in jobs if "h100" in name or "gb200" in name):
    cluster = "gb200-nvl72" if "gb200" in job else "dgx-h100"
    plan = json.loads(subprocess.run([muster, "plan", job, "--cluster", cluster, "--json"], check=True,
                                     capture_output=True, text=True).stdout)
    total = plan["device_memory_gb"]
    for role, memory in plan["memory"].items():
        used, phase = max((sum(owners["device"].values()) / 1e9, name) for name, owners in memory["phases"].items())
        name = job if role == "both" else f"{job}, {role}"
        print(f"| {name} | {phase} | {used:.1f} | {total:.1f} | {total - used:.1f} | {memory['moves']} |")

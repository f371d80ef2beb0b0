#!/usr/bin/env python3
"""log.command for Weights & Biases: one run of theirs for all attempts of a run. Needs: pip install wandb==0.31.0

[log]
command = ["python3", "./wandb_log.py"]      with WANDB_API_KEY in your environment, or WANDB_MODE=offline
"""
import hashlib
import json
import sys
import tomllib

import wandb

begin = json.loads(sys.stdin.readline())
with open(begin["run_folder"] + "/plan.toml", "rb") as file:
    plan = tomllib.load(file)
run = wandb.init(id=hashlib.sha256(begin["run_folder"].encode()).hexdigest()[:16], resume="allow", dir=begin["run_folder"],
                 project="muster", name=begin["run_folder"].rsplit("/", 1)[-1], config=plan)
run.define_metric("*", step_metric="step")  # an attempt that goes back repeats steps
code = 0
for line in sys.stdin:
    record = json.loads(line)
    if record["record"] in ("step", "validation"):
        name = "train" if record.pop("record") == "step" else "validation"
        run.log({"step": record.pop("step"), name: record})
    elif record["record"] == "verdict":
        code = record["code"]
run.finish(exit_code=code)

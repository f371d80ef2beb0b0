#!/usr/bin/env python3
"""log.command for TensorBoard: scalars of every step and look. Needs: pip install tensorboardX==2.6.5

[log]
command = ["python3", "./tensorboard_log.py"]      then: tensorboard --logdir runs
"""
import json
import sys

from tensorboardX import SummaryWriter


def scalars(record, prefix):
    for key, value in record.items():
        if isinstance(value, dict):
            yield from scalars(value, f"{prefix}/{key}")
        elif isinstance(value, (int, float)) and key not in ("step", "attempt"):
            yield f"{prefix}/{key}", value


writer = SummaryWriter(json.loads(sys.stdin.readline())["run_folder"] + "/tensorboard")
for line in sys.stdin:
    record = json.loads(line)
    if record["record"] in ("step", "validation"):
        for name, value in scalars(record, record["record"]):
            writer.add_scalar(name, value, record["step"])
        writer.flush()
writer.close()

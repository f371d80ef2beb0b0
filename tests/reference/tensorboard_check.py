#!/usr/bin/env python3
"""Is what log.tensorboard wrote what TensorBoard reads? Its own reader against the records of the run.

Needs (PyPI): tensorboard==2.21.0. Usage: tensorboard_check.py RUN_FOLDER, or an event file to print
"""
import json, math, pathlib, sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def scalars(record, prefix):
    for key, value in record.items():
        if key in ("step", "attempt") or isinstance(value, (bool, str)) or value is None:
            continue
        if isinstance(value, dict):
            yield from scalars(value, f"{prefix}/{key}")
        elif not isinstance(value, list):
            yield f"{prefix}/{key}", value
        elif value:
            yield f"{prefix}/{key}", sum(value) / len(value)


path = pathlib.Path(sys.argv[1])
reader = EventAccumulator(str(path / "tensorboard" if path.is_dir() else path), size_guidance={"scalars": 0})
reader.Reload()
read = {(tag, event.step): event.value for tag in reader.Tags()["scalars"] for event in reader.Scalars(tag)}
if not path.is_dir():
    print(*(f"{tag} at {step}: {value}" for (tag, step), value in read.items()), sep="\n")
    sys.exit()

written = {}
for kind in ("step", "validation", "warmup"):
    file = path / {"step": "steps.jsonl"}.get(kind, f"{kind}.jsonl")
    for line in file.read_text().splitlines() if file.exists() else []:
        record = json.loads(line)
        if "step" in record:  # of two attempts at a step the later one counts
            written.update({(tag, record["step"]): value for tag, value in scalars(record, kind)})
assert read.keys() == written.keys(), sorted(read.keys() ^ written.keys())[:10]
for key, value in written.items():
    assert math.isclose(read[key], value, rel_tol=1e-6, abs_tol=1e-37), (key, read[key], value)
print(f"{len(read)} scalars agree, of {len(reader.Tags()['scalars'])} tags")

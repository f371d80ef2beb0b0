#!/usr/bin/env python3
"""A task of reasoning-gym as rows and as the reward `command`. Needs: pip install reasoning-gym==0.1.25

  reasoning_gym_reward.py rows TASK [--size N] [--seed S] [--set KEY=VALUE]... > rows.jsonl
  reasoning_gym_reward.py grade

`rows` writes one entry of the task a line: {"question", "answer", "metadata"}. `grade` reads {"id", "answer", "row", ...}
and answers {"id", "reward"}: the task's own verdict on what stands in <answer>...</answer>, else on the last number,
else on the whole text.
"""
import argparse
import json
import re
import sys

import reasoning_gym
from reasoning_gym.utils import extract_answer


def write_rows(given):
    settings = dict(pair.split("=", 1) for pair in given.set)
    settings = {key: json.loads(value) for key, value in settings.items()}
    for entry in reasoning_gym.create_dataset(given.task, size=given.size, seed=given.seed, **settings):
        print(json.dumps(entry))


def final_answer(text):
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text)
    return extract_answer(text) or (numbers[-1] if numbers else text.strip())


def grade():
    replies, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints goes to the log
    for line in sys.stdin:
        asked = json.loads(line)
        score = reasoning_gym.get_score_answer_fn(asked["row"]["metadata"]["source_dataset"])
        reward = float(score(final_answer(asked["answer"]), asked["row"]))
        print(json.dumps({"id": asked["id"], "reward": reward}), file=replies, flush=True)


arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
verbs = arguments.add_subparsers(dest="verb", required=True)
rows = verbs.add_parser("rows")
rows.add_argument("task")
rows.add_argument("--size", type=int, default=1000)
rows.add_argument("--seed", type=int, default=0)
rows.add_argument("--set", action="append", default=[])
verbs.add_parser("grade")
given = arguments.parse_args()
write_rows(given) if given.verb == "rows" else grade()

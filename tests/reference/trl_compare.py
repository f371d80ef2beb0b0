#!/usr/bin/env python3
"""Muster beside TRL: the same start weights, prompts, batch and hyper-parameters, one after the other on this machine.

    tools/reference trl_compare.py reverse-digits --steps 30 --threads 1
    tools/reference trl_compare.py sums --steps 8 --threads 2

Muster runs first and leaves the prompts of every step in samples.jsonl; TRL gets them in that order. Prints one JSON object:
median step seconds of both (the first steps left out), their ratio, rewards by step, peak memory.
Versions: torch 2.11.0, trl 1.16.0, transformers 5.23.0 (tests/reference/requirements.txt).
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TASKS = {
    "reverse-digits": {"job": "reverse-digits", "lr": 3e-4, "betas": (0.9, 0.95), "prompts": 32, "samples": 16, "new_tokens": 5, "clip_high": 0.28, "warmup": 0, "eos": "<eos>", "pad": "<pad>"},
    "sums": {"job": "smollm2-135m-sums", "lr": 2e-5, "betas": (0.9, 0.999), "prompts": 8, "samples": 8, "new_tokens": 16, "clip_high": 0.2, "warmup": 2, "eos": "<|im_end|>", "pad": "<|endoftext|>"},
}


def settings():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2, help="1: one rank with one thread; 2: two ranks with one thread each against TRL's two threads")
    parser.add_argument("--skip", type=int, default=3, help="first steps left out of the median")
    parser.add_argument("--binaries", type=Path, default=Path(__file__).resolve().parents[2] / "build" / "bin")
    parser.add_argument("--only", choices=["muster", "trl"], help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def muster(options, task, work):
    """Runs the job; for random start weights a first run leaves the model after the supervised start for both sides."""
    def run(folder, assignments):
        command = [options.binaries / "muster", "run", task["job"], "--run-dir", folder]
        for assignment in assignments:
            command += ["--set", assignment]
        subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)

    shared = [f"grpo.steps={options.steps}", f"log.samples={task['prompts']}"]
    if options.task == "reverse-digits":
        run(work / "start", ["grpo.steps=1", "optimizer.lr=0"])
        model = work / "start" / "model"
        shared += ["model.weights=file", f"model.path={model}", "warmup.sft_steps=0"]
    else:
        model = Path(os.environ.get("MUSTER_CACHE", Path.home() / ".cache" / "muster")) / "models" / "smollm2-135m-instruct"
    ranks = options.threads
    run(work / "muster", shared + [f"gen.dp={ranks}", f"train.dp={ranks}"])
    steps = lines(work / "muster" / "steps.jsonl")
    prompts = [[s["prompt"] for s in lines(work / "muster" / "samples.jsonl") if s["step"] == step["step"]] for step in steps]
    return model, prompts, {
        "step_s": statistics.median(s["step_s"] for s in steps[options.skip:]),
        "rewards": [round(s["reward"], 3) for s in steps],
        "peak_mb": max(s["peak_memory_bytes"] for s in steps) >> 20,
        "ranks": ranks,
    }


def gold_answers(task_name, prompts):
    import re
    if task_name == "reverse-digits":
        return ["".join(reversed(re.findall(r"\d{4}", p)[0])) for p in prompts]
    return [str(sum(map(int, re.findall(r"(\d) \+ (\d)", p)[0]))) for p in prompts]


def trl(options, task, work):
    """In a process of its own, so that its memory and threads are its own."""
    import re

    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(options.threads)
    given = json.loads((work / "given.json").read_text())
    tokenizer = PreTrainedTokenizerFast.from_pretrained(given["model"], padding_side="left", eos_token=task["eos"], pad_token=task["pad"])
    model = AutoModelForCausalLM.from_pretrained(given["model"], dtype=torch.float32)
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    prompts = [p for step in given["prompts"] for p in step]
    rows = [{"prompt": p, "answer": a} for p, a in zip(prompts, gold_answers(options.task, prompts))]

    def exact(completions, answer, **_):
        return [float(c == a) for c, a in zip(completions, answer)]

    def last_number(completions, answer, **_):
        return [float((re.findall(r"-?\d+", c) or [""])[-1] == a) for c, a in zip(completions, answer)]

    ends, rewards = [], []

    class Watch(TrainerCallback):
        def on_step_end(self, *_, **__):
            ends.append(time.monotonic())

        def on_log(self, _arguments, _state, _control, logs=None, **__):
            if logs and "reward" in logs:
                rewards.append(round(float(logs["reward"]), 3))

    begin = time.monotonic()
    GRPOTrainer(
        model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(rows), callbacks=[Watch()],
        reward_funcs=exact if options.task == "reverse-digits" else last_number,
        args=GRPOConfig(
            output_dir=str(work / "trl"), use_cpu=True, bf16=False, gradient_checkpointing=False, use_vllm=False, beta=0.0, loss_type="dapo", shuffle_dataset=False,
            epsilon=0.2, epsilon_high=task["clip_high"], num_generations=task["samples"], per_device_train_batch_size=task["prompts"] * task["samples"],
            max_completion_length=task["new_tokens"], temperature=1.0, learning_rate=task["lr"], adam_beta1=task["betas"][0], adam_beta2=task["betas"][1],
            weight_decay=0.0, lr_scheduler_type="constant_with_warmup", warmup_steps=task["warmup"], max_grad_norm=1.0, num_iterations=1, steps_per_generation=1,
            gradient_accumulation_steps=1, report_to="none", save_strategy="no", logging_steps=1, max_steps=options.steps, seed=0, disable_tqdm=True)).train()
    seconds = [b - a for a, b in zip([begin] + ends, ends)]
    print(json.dumps({"step_s": statistics.median(seconds[options.skip:]), "rewards": rewards,
                      "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, "threads": options.threads}))


def main():
    options = settings()
    task = TASKS[options.task]
    if options.only == "trl":
        return trl(options, task, options.work)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        model, prompts, ours = muster(options, task, work)
        (work / "given.json").write_text(json.dumps({"model": str(model), "prompts": prompts}))
        environment = dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_DATASETS_OFFLINE="1", OMP_NUM_THREADS=str(options.threads))
        output = subprocess.run([sys.executable, __file__, options.task, "--only", "trl", "--work", str(work), "--steps", str(options.steps), "--threads", str(options.threads), "--skip", str(options.skip)],
                                check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        theirs = json.loads(output.strip().splitlines()[-1])
        print(json.dumps({"task": options.task, "steps": options.steps, "muster": ours, "trl": theirs, "trl_over_muster": round(theirs["step_s"] / ours["step_s"], 2)}))


if __name__ == "__main__":
    main()

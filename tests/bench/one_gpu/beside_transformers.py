#!/usr/bin/env python3
"""One GPU: log-probabilities of Muster's answers, and seconds of a step's two halves, beside transformers.

Needs torch and transformers (5.17.0 was used). Usage: beside_transformers.py STILL STEPS: run folders of one_gpu.sh
"""
import json, pathlib, sys, time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

still, steps = map(pathlib.Path, sys.argv[1:3])
GROUPS, PROMPT, ANSWER, MICRO_BATCH = 256, 100, 512, 8  # as in llama-1b.toml


def loaded(dtype):
    return AutoModelForCausalLM.from_pretrained(still / "model", dtype=dtype, attn_implementation="sdpa").cuda()


def compare(model, name):
    tokenizer = AutoTokenizer.from_pretrained(still / "model")
    differences = []
    for line in (still / "samples.jsonl").read_text().splitlines():
        sample = json.loads(line)
        prompt = tokenizer(sample["prompt"], add_special_tokens=False)["input_ids"]
        tokens = torch.tensor([prompt + sample["tokens"]]).cuda()
        with torch.no_grad():
            scores = model(tokens).logits.float().log_softmax(-1)[0]
        said = scores[torch.arange(len(prompt) - 1, tokens.shape[1] - 1), tokens[0, len(prompt):]].cpu()
        differences.append((said - torch.tensor(sample["logprobs"])).abs())
    all_of_them = torch.cat(differences)
    print(f"{name} beside Muster's generator: {len(all_of_them)} tokens, mean {all_of_them.mean():.4f}, max {all_of_them.max():.4f}")


def seconds(body):
    torch.cuda.synchronize()
    begin = time.time()
    body()
    torch.cuda.synchronize()
    return time.time() - begin


compare(loaded(torch.float32), "fp32")
model = loaded(torch.bfloat16)
compare(model, "bf16")
records = [json.loads(line)["phases"] for line in (steps / "steps.jsonl").read_text().splitlines()][1:]
ours = {key: sorted(record[key] for record in records)[len(records) // 2] for key in ("generate_s", "train_s")}

prompts = torch.randint(5, 49000, (GROUPS, PROMPT)).cuda()
wishes = dict(do_sample=True, top_k=0, top_p=1.0, temperature=1.0, pad_token_id=0)
model.eval()
model.generate(prompts[:2], max_new_tokens=8, min_new_tokens=8, **wishes)
theirs = seconds(lambda: model.generate(prompts, max_new_tokens=ANSWER, min_new_tokens=ANSWER, **wishes))
print(f"generate: transformers {theirs:.2f} s, Muster {ours['generate_s']:.2f} s: {theirs / ours['generate_s']:.1f} times as fast")


def train():
    for _ in range(0, GROUPS, MICRO_BATCH):
        tokens = torch.randint(5, 49000, (MICRO_BATCH, PROMPT + ANSWER)).cuda()
        model(tokens, labels=tokens, use_cache=False).loss.backward()


model.train()
model.gradient_checkpointing_enable()
train()
theirs = seconds(train)
print(f"train: transformers' forward and backward {theirs:.2f} s, Muster's with optimizer {ours['train_s']:.2f} s: "
      f"{theirs / ours['train_s']:.1f} times as fast")

#!/usr/bin/env python3
"""Shows that the verbs score, generate and gradients of muster-runtime agree with Hugging Face transformers on SmolLM2.

    tools/reference verbs_check.py [BINARIES [FOLDER]]

BINARIES is build/bin, FOLDER the model folder (by default from the cache of tools/setup). Compared are: log-probabilities with
those of transformers in float64; greedy answers of 50 prompts, 32 tokens each; the gradients of every weight with float64's, each
as the norm of the difference over the norm; and the same again from three ranks of one tensor-parallel group and two replicas.

Last run: 2026-11-25 with torch 2.11.0, transformers 5.23.0: 50 of 50 greedy answers equal in every layout; log-probabilities within
3.2e-5 (transformers' own fp32: 2.5e-5), gradients of each of 272 weights within 2.7e-5.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

LAYOUTS = {"one rank": [], "tp 3": ["--ranks", "3", "--train.tp", "3"], "dp 2": ["--ranks", "2"]}
TOPICS = ["the capital of France", "a prime number", "the sea", "Newton's laws", "how to bake bread", "a poem about rain",
          "sorting lists in Python", "the French revolution", "black holes", "a short story of a cat"]
FORMS = ["Tell me about {}.", "Explain {}.", "Write something on {}.", "What is {}?", "List five facts on {}."]
PIECES = ["The quick brown fox. ", "x=1; ", "Привет ", "12345 ", "\n\n", "def f(): return ", "<|im_start|>", "你好", "\\frac{1}{2} "]


def run(binaries, verb, model, rows, more):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "in.jsonl"), pathlib.Path(folder, "out")
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        subprocess.run([binaries / "muster-runtime", verb, "--model", model, "--input", source, "--output", target, *more], check=True)
        if verb == "gradients":
            return load_file(target)
        return [json.loads(line) for line in target.read_text().splitlines()]


def logprobs(model, tokens):
    logits = model(input_ids=torch.tensor([tokens[:-1]])).logits[0].double()
    return logits.log_softmax(-1).gather(1, torch.tensor(tokens[1:])[:, None])[:, 0]


def check_scores(binaries, folder, model, texts, limit):
    single = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        expected = [logprobs(model, tokens) for tokens in texts]
        theirs = max((logprobs(single, tokens) - e).abs().max().item() for tokens, e in zip(texts, expected))
    print(f"transformers' own fp32 against its float64: largest difference {theirs:.2g}")
    for name, layout in LAYOUTS.items():
        found = run(binaries, "score", folder, [{"id": i, "tokens": t} for i, t in enumerate(texts)], layout)
        assert [row["id"] for row in found] == list(range(len(texts)))
        worst = max((torch.tensor(row["logprobs"], dtype=torch.float64) - e).abs().max().item() for row, e in zip(found, expected))
        print(f"score, {name}: {sum(len(t) - 1 for t in texts)} tokens, largest difference {worst:.2g}")
        assert worst < limit


def check_greedy(binaries, folder, model, tokenizer):
    prompts = [f"<|im_start|>user\n{form.format(topic)}<|im_end|>\n<|im_start|>assistant\n" for form in FORMS for topic in TOPICS]
    expected = []
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            answer = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, do_sample=False)
        expected.append(answer[0, ids.shape[1]:].tolist())
    for name, layout in LAYOUTS.items():
        found = run(binaries, "generate", folder, [{"id": i, "text": p} for i, p in enumerate(prompts)],
                    ["--max-new-tokens", "32", "--temperature", "0", *layout])
        equal = sum(row["tokens"] == answer for row, answer in zip(found, expected))
        print(f"generate, {name}: {equal} of {len(prompts)} greedy answers are those of transformers")
        for row, answer in zip(found, expected):
            if row["tokens"] != answer:
                print("  differs:", row["id"], row["tokens"], answer)
            assert row["text"] == tokenizer.decode(row["tokens"], skip_special_tokens=True)
        assert equal == len(prompts)


def check_gradients(binaries, folder, model, texts, limit):
    model.zero_grad()
    model.model.embed_tokens.padding_idx = None  # transformers drops what <|im_end|>, its padding, adds to its embedding
    count = sum(len(t) - 1 for t in texts)
    loss = -sum(logprobs(model, tokens).sum() for tokens in texts) / count
    loss.backward()
    expected = {name: parameter.grad for name, parameter in model.named_parameters()}
    for name, layout in LAYOUTS.items():
        found = run(binaries, "gradients", folder, [{"id": i, "tokens": t} for i, t in enumerate(texts)], layout)
        assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
        errors = {n: ((found[n].double() - g).norm() / g.norm()).item() for n, g in expected.items()}
        worst = max(errors, key=errors.get)
        print(f"gradients, {name}: {len(found)} tensors, largest relative difference {errors[worst]:.2g} ({worst})")
        assert errors[worst] < limit


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    cache = pathlib.Path(os.environ.get("MUSTER_CACHE") or
                         pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "muster")
    binaries = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "build/bin"
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else cache / "models/smollm2-135m-instruct"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    draw = random.Random(3)
    texts = [tokenizer("".join(draw.choice(PIECES) for _ in range(draw.randint(2, 25))))["input_ids"] for _ in range(12)]
    double = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    plain = [tokenizer(f"<|im_start|>user\n{FORMS[i % 5].format(TOPICS[i])}<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
             for i in range(10)]
    # fp32 itself, transformers' too, is 1e-5 to 3e-5 from float64 here.
    print("chats:")
    check_scores(binaries, folder, double, plain, 5e-5)
    check_gradients(binaries, folder, double, plain[:4], 5e-5)
    print("odd texts:")
    check_scores(binaries, folder, double, texts, 5e-5)
    check_gradients(binaries, folder, double, texts[:4], 5e-5)
    del double
    check_greedy(binaries, folder, AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), tokenizer)


main()

#!/usr/bin/env python3
"""Training and generation of a Qwen3-MoE on the CPU beside transformers, as JSON with both ratios.

Run as `tools/reference $PWD/tests/bench/experts_bench.py`: 310 M parameters of which 47 M see a token, fp32, 32 sequences of 128 tokens.
transformers computes with its default form of experts; its training is without an optimizer, Muster's with it.
"""
import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, Qwen3MoeConfig

ROOT = Path(__file__).resolve().parents[2]
SEQUENCES, TOKENS, PROMPT = 32, 128, 6
JOB = """
name = "experts-bench"
model = { path = "model", weights = "random", dtype = "fp32" }
gen = { dtype = "fp32" }
grpo = { steps = 3, prompts_per_step = 4, samples_per_prompt = 8, max_sequence_tokens = 128 }
sampling = { lengths = "fixed:122" }
packing = { max_tokens = 4096 }
train = { share_prompt = false }
data = { path = "builtin:reverse-digits", prompt = "<bos>{digits}=", answer = "{answer}" }
reward = { kind = "random" }
checkpoint = { final_model = false }
"""

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "bin")
options = parser.parse_args()
torch.set_num_threads(options.threads)
config = Qwen3MoeConfig(hidden_size=512, moe_intermediate_size=512, num_experts=32, num_experts_per_tok=4, norm_topk_prob=True,
                        num_hidden_layers=12, num_attention_heads=8, num_key_value_heads=4, head_dim=64, vocab_size=4096,
                        max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=10, eos_token_id=12, pad_token_id=13)


def seconds_of(run):
    begin = time.time()
    run()
    return time.time() - begin


def of_muster():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "model").mkdir()
        shutil.copy(ROOT / "templates/models/reverse-digits-moe/tokenizer.json", folder / "model")
        (folder / "model/config.json").write_text(config.to_json_string(use_diff=False))
        (folder / "job.toml").write_text(JOB)
        subprocess.run([options.binaries / "muster", "run", folder / "job.toml", "--run-dir", folder / "run", "--set",
                        f"threads={options.threads}"], check=True, stdout=sys.stderr)
        steps = [json.loads(line)["phases"] for line in (folder / "run/steps.jsonl").read_text().splitlines()][1:]
    return [statistics.median(step[phase] for step in steps) for phase in ("train_s", "generate_s")]


def of_transformers():
    model = AutoModelForCausalLM.from_config(config)
    tokens = torch.randint(0, 14, (SEQUENCES, TOKENS))

    def train():
        logprobs = model(input_ids=tokens[:, :-1]).logits.log_softmax(-1)
        logprobs.gather(2, tokens[:, 1:, None]).sum().backward()

    def generate():
        model.generate(tokens[:, :PROMPT], min_new_tokens=TOKENS - PROMPT, max_new_tokens=TOKENS - PROMPT, do_sample=True,
                       eos_token_id=None, pad_token_id=13)

    train()  # warm
    return seconds_of(train), seconds_of(generate)


ours, theirs = of_muster(), of_transformers()
print(json.dumps({
    name: {"muster_tokens_per_s": round(SEQUENCES * count / mine, 1), "transformers_tokens_per_s": round(SEQUENCES * count / other, 1),
           "ratio": round(other / mine, 2)}
    for name, count, mine, other in zip(("train", "generate"), (TOKENS - 1, TOKENS - PROMPT), ours, theirs)
}))

#!/usr/bin/env python3
"""Writes tests/golden/model/rope.jsonl: configs with every scaling of positions, and the cosines and sines that Hugging Face
transformers makes of them at a few positions.

Run by hand: rope_fixtures.py OUT. Made with torch 2.11.0, transformers 5.24.0.
"""
import json
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

POSITIONS = [1, 31, 1023]
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=256)
CASES = {
    "default": dict(rope_parameters=dict(rope_type="default", rope_theta=500000.0)),
    "theta beside": dict(rope_theta=1e6),
    "linear": dict(rope_scaling=dict(type="linear", factor=4.0)),
    "llama3": dict(rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                     original_max_position_embeddings=64), rope_theta=500000.0),
    "llama3, positions left out": dict(rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)),
    "yarn": dict(rope_scaling=YARN, rope_theta=1e6),
    "yarn, positions left out": dict(rope_scaling=dict(rope_type="yarn", factor=4.0)),
    "yarn, positions outside": dict(rope_scaling=YARN, original_max_position_embeddings=64),
    "yarn, attention_factor": dict(rope_scaling=dict(YARN, attention_factor=1.7, mscale=0.5, mscale_all_dim=2.0)),
    "yarn, both mscales": dict(rope_scaling=dict(YARN, mscale=0.707, mscale_all_dim=1.5)),
    "yarn, mscale alone": dict(rope_scaling=dict(YARN, mscale=0.707)),
    "yarn, mscale_all_dim alone": dict(rope_scaling=dict(YARN, mscale_all_dim=0.707)),
    "yarn, mscale 0": dict(rope_scaling=dict(YARN, mscale=0, mscale_all_dim=1.0)),
    "yarn, not truncated": dict(rope_scaling=dict(YARN, truncate=False)),
    "yarn, other betas": dict(rope_scaling=dict(YARN, beta_fast=8, beta_slow=2)),
    "yarn, null betas": dict(rope_scaling=dict(YARN, beta_fast=None, beta_slow=None)),
    "yarn, factor below 1": dict(rope_scaling=dict(YARN, factor=1.0)),
    "yarn, a range of one point": dict(rope_scaling=dict(YARN, beta_fast=1, beta_slow=1, truncate=False)),
}


def rounded(table):
    return [[round(value, 7) for value in row] for row in table.tolist()]


def main():
    lines = []
    for name, keys in CASES.items():
        config = dict(model_type="llama", hidden_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
                      head_dim=32, intermediate_size=64, vocab_size=96, max_position_embeddings=1024, **keys)
        rotary = LlamaRotaryEmbedding(LlamaConfig(**json.loads(json.dumps(config))))
        cos, sin = rotary(torch.zeros(1, dtype=torch.float32), torch.tensor([POSITIONS]))
        half = cos.shape[-1] // 2  # the second half repeats the first
        lines.append(json.dumps(dict(name=name, config=config, positions=POSITIONS, cos=rounded(cos[0, :, :half]), sin=rounded(sin[0, :, :half]))))
    (Path(sys.argv[1]) / "rope.jsonl").write_text("\n".join(lines) + "\n")


main()

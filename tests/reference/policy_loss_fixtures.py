#!/usr/bin/env python3
"""Losses and gradients of TRL's own GRPO loss in float64, and whitened advantages: tests/golden/grpo/policy_losses.json.

    tools/reference policy_loss_fixtures.py

TRL's GRPOTrainer._compute_loss is called as it stands, with log-probabilities and entropies that we give it; autograd
differentiates. The importance of trainer against generator, which TRL makes while it generates, follows its lines there
(token_truncate, token_mask, sequence_truncate, sequence_mask); TRL has no geometric mean: `geometric` and
`mask_samples` are NeMo RL's formula (seq-mask-tis), written down here.
TRL gives its KL term no score-function gradient, so no case has one; policy_loss_test holds ours to autograd.
Versions: torch 2.11.0, trl 1.16.0 (tests/reference/requirements.txt).
"""
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import torch
from trl.trainer.grpo_trainer import GRPOTrainer

LENGTHS = [6, 3, 1, 5]
LONGEST = 8
DEFAULTS = {"policy": "clip", "ratio": "token", "reduction": "token", "constant_tokens": 0, "clip_low": 0.2, "clip_high": 0.2, "dual_clip": 0.0,
            "kl_weight": 0.0, "entropy_weight": 0.0, "correction": "none", "correction_level": "token", "correction_min": 0.0, "correction_max": 2.0}
CASES = {
    "GRPO": {"reduction": "sequence"},
    "DAPO": {"clip_high": 0.28},
    "Dr.GRPO": {"reduction": "constant", "constant_tokens": LONGEST},
    "GSPO": {"ratio": "sequence", "reduction": "sequence", "clip_low": 0.03, "clip_high": 0.04},
    "CISPO": {"policy": "cispo", "clip_low": 1.0, "clip_high": 0.5},
    "CISPO, corrected": {"policy": "cispo", "clip_low": 1.0, "clip_high": 0.5, "correction": "truncate"},
    "dual clip": {"dual_clip": 1.3},
    "entropy": {"entropy_weight": 0.07},
    "truncated": {"correction": "truncate", "correction_max": 1.2},
    "masked": {"correction": "mask", "correction_min": 0.7, "correction_max": 1.4},
    "truncated samples": {"correction": "truncate", "correction_level": "sequence", "correction_max": 1.2},
    "masked by product": {"correction": "mask", "correction_level": "sequence", "correction_min": 0.4, "correction_max": 1.5},
    "geometric": {"correction": "plain", "correction_level": "geometric"},
    "masked samples": {"correction": "mask_samples", "correction_min": 0.9, "correction_max": 1.1},
    "masked samples by product": {"correction": "mask_samples", "correction_level": "sequence", "correction_min": 0.9, "correction_max": 1.1},
}
LOSS_TYPES = {"token": "bnpo", "sequence": "grpo", "constant": "dr_grpo"}


def drawn():
    torch.manual_seed(5)
    rows, longest = len(LENGTHS), max(LENGTHS)
    normal = lambda deviation: torch.randn(rows, longest, dtype=torch.float32).double() * deviation
    logprobs = -1.5 - normal(0.5).abs()
    old = logprobs + normal(0.3)
    mask = torch.tensor([[t < length for t in range(longest)] for length in LENGTHS])
    # Two samples whose trainer and generator agree on the whole, two that drift apart.
    drift = torch.tensor([[0.02], [0.3], [-0.4], [-0.01]], dtype=torch.float64)
    return {"logprobs": logprobs, "old": old, "gen": old - drift + normal(0.1), "reference": logprobs + normal(0.4),
            "entropy": normal(1.0).abs() + 0.2, "advantages": torch.tensor([1.3, -0.7, 0.4, -1.0], dtype=torch.float64)}, mask.double()


def importance(case, given, mask):
    difference = (given["old"] - given["gen"]) * mask
    total, mean = difference.sum(-1, keepdim=True), difference.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
    weight = {"token": difference, "sequence": total, "geometric": mean}[case["correction_level"]].exp().expand_as(difference)
    low, high = case["correction_min"], case["correction_max"]
    if case["correction"] == "truncate":
        return weight.clamp(low, high)
    held = mean.exp().expand_as(weight) if case["correction"] == "mask_samples" else weight
    return weight if case["correction"] == "plain" else weight.masked_fill((held < low) | (held > high), 0)


def trl_loss(case, given, mask):
    logprobs, entropy = given["logprobs"].clone().requires_grad_(), given["entropy"].clone().requires_grad_()
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *arguments, **others: (logprobs, entropy, None),
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, importance_sampling_level=case["ratio"],
        beta=case["kl_weight"], loss_type="cispo" if case["policy"] == "cispo" else LOSS_TYPES[case["reduction"]],
        epsilon_low=case["clip_low"], epsilon_high=case["clip_high"] + (1 if case["policy"] == "cispo" else 0),
        args=SimpleNamespace(use_bias_correction_kl=False, delta=case["dual_clip"] or None, steps_per_generation=1),
        use_vllm=case["correction"] != "none", vllm_importance_sampling_correction=True, model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=1, max_completion_length=case["constant_tokens"], _metrics={"train": defaultdict(list)},
        _entropy_bonus_enabled=case["entropy_weight"] != 0, use_adaptive_entropy=False, entropy_coef=case["entropy_weight"],
        accelerator=SimpleNamespace(num_processes=1, gather=lambda x: x, gather_for_metrics=lambda x: x, reduce=lambda x, reduction: x, sync_gradients=True))
    ids = torch.zeros(mask.shape, dtype=torch.long)
    inputs = {"prompt_ids": ids, "prompt_mask": mask, "completion_ids": ids, "completion_mask": mask, "advantages": given["advantages"],
              "old_per_token_logps": given["old"], "ref_per_token_logps": given["reference"], "num_items_in_batch": mask.sum()}
    if case["correction"] != "none":
        inputs["importance_sampling_ratio"] = importance(case, given, mask)
    loss = GRPOTrainer._compute_loss(trainer, None, inputs)
    loss.backward()
    zeros = torch.zeros_like(logprobs)
    return {"loss": loss.item(), "by_logprobs": unpadded(logprobs.grad, mask), "by_entropy": unpadded(zeros if entropy.grad is None else entropy.grad, mask)}


def unpadded(values, mask):
    return values[mask > 0].tolist()


def whitened():
    advantages, lengths = torch.tensor([1.0, 0.0, 1.0, 0.25], dtype=torch.float64), torch.tensor([3, 5, 1, 2])
    tokens = advantages.repeat_interleave(lengths)
    white = (tokens - tokens.mean()) / tokens.var(unbiased=False).clamp(min=1e-8).sqrt()
    starts = torch.cumsum(lengths, 0) - lengths
    return {"advantages": advantages.tolist(), "tokens": lengths.tolist(), "white": white[starts].tolist()}


def main():
    given, mask = drawn()
    fixture = {"lengths": LENGTHS, "advantages": given["advantages"].tolist()}
    fixture |= {name: unpadded(given[name], mask) for name in ("logprobs", "old", "gen", "reference", "entropy")}
    fixture["cases"] = []
    for name, changed in CASES.items():
        case = DEFAULTS | changed
        fixture["cases"].append({"name": name} | case | trl_loss(case, given, mask))
    fixture["whitened"] = whitened()
    path = Path(__file__).resolve().parents[1] / "golden" / "grpo" / "policy_losses.json"
    path.write_text(json.dumps(fixture, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes tests/golden/model: small random models of each family with the float64 log-probabilities, entropies and gradients that
Hugging Face transformers gives, and the log-probabilities of a few texts under SmolLM2-135M-Instruct.

Run by hand: model_fixtures.py OUT [SMOLLM2_FOLDER [NAMES_THAT_BEGIN_SO]]. Made with torch 2.11.0, transformers 5.23.0, safetensors 0.8.0, seed 20. Models with
experts are written as transformers 5 does it (a tensor for each expert), and "moe-stacked" as it holds them in memory (one for all).
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, AutoTokenizer, DeepseekV3Config, LlamaConfig, Qwen2Config, Qwen3Config,
                          Qwen3MoeConfig)

SMALL = dict(vocab_size=96, num_hidden_layers=2, max_position_embeddings=128, rms_norm_eps=1e-5, initializer_range=0.15,
             attention_dropout=0.0, bos_token_id=1, eos_token_id=2, pad_token_id=0)
MODELS = {
    # llama: untied, grouped queries, Llama-3's scaling (some pairs kept, some blended, some slowed)
    "llama": (LlamaConfig(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                          tie_word_embeddings=False, rope_parameters=dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0,
                                                                          high_freq_factor=4.0, original_max_position_embeddings=32), **SMALL), torch.float32),
    # qwen3: tied, q/k norms, head width that is not hidden / heads
    "qwen3": (Qwen3Config(hidden_size=32, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
                          tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1000000.0), **SMALL), torch.bfloat16),
    # qwen2: biases on q, k, v; one key/value head; weights in two files with an index
    "qwen2": (Qwen2Config(hidden_size=40, intermediate_size=24, num_attention_heads=5, num_key_value_heads=1,
                          tie_word_embeddings=False, rope_parameters=dict(rope_type="default", rope_theta=10000.0), **SMALL), torch.bfloat16),
}


def moe(**changes):
    """Widths are multiples of 8: transformers' grouped products need them."""
    facts = dict(hidden_size=32, intermediate_size=48, moe_intermediate_size=24, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
                 num_experts=8, num_experts_per_tok=2, norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[], router_aux_loss_coef=0.0,
                 tie_word_embeddings=False, rope_parameters=dict(rope_type="default", rope_theta=10000.0))
    return Qwen3MoeConfig(**(SMALL | facts | changes))


MODELS |= {
    "moe": (moe(), torch.bfloat16),
    "moe-raw-weights": (moe(norm_topk_prob=False, tie_word_embeddings=True), torch.float32),  # the chosen weights do not sum to 1
    "moe-one-chosen": (moe(num_experts_per_tok=1, norm_topk_prob=False), torch.float32),
    "moe-all-chosen": (moe(num_experts=4, num_experts_per_tok=4), torch.float32),
    "moe-odd": (moe(num_experts=7, num_experts_per_tok=3, moe_intermediate_size=40), torch.float32),
    "moe-first-dense": (moe(num_hidden_layers=3, mlp_only_layers=[0]), torch.float32),
    "moe-every-second": (moe(num_hidden_layers=4, decoder_sparse_step=2, num_experts=5), torch.float32),
    "moe-stacked": (moe(num_experts=3), torch.bfloat16),
}


def deepseek(**changes):
    """Latent attention, a dense layer first, experts in groups, a shared one beside. Heads differ in width from their values."""
    facts = dict(hidden_size=32, intermediate_size=48, moe_intermediate_size=24, num_attention_heads=4, num_key_value_heads=4, num_hidden_layers=3,
                 q_lora_rank=24, kv_lora_rank=16, qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=10, first_k_dense_replace=1,
                 n_routed_experts=8, num_experts_per_tok=3, n_group=4, topk_group=2, n_shared_experts=1, norm_topk_prob=True,
                 routed_scaling_factor=2.5, tie_word_embeddings=False, rope_parameters=dict(rope_type="default", rope_theta=10000.0))
    return DeepseekV3Config(**(SMALL | facts | changes))


def yarn(**changes):
    return dict(rope_type="yarn", rope_theta=10000.0, factor=8.0, beta_fast=32, beta_slow=1, original_max_position_embeddings=16) | changes


MODELS |= {
    "mla": (deepseek(), torch.bfloat16),
    "mla-whole-queries": (deepseek(q_lora_rank=None, n_group=1, topk_group=1), torch.float32),
    "mla-raw-weights": (deepseek(norm_topk_prob=False, routed_scaling_factor=1.0, tie_word_embeddings=True), torch.float32),
    "mla-yarn": (deepseek(rope_parameters=yarn(mscale=1.0, mscale_all_dim=1.0)), torch.float32),
    "mla-yarn-uneven": (deepseek(rope_parameters=yarn(mscale=1.0, mscale_all_dim=0.707)), torch.float32),
    "mla-all-experts": (deepseek(first_k_dense_replace=0, num_hidden_layers=2, n_routed_experts=4, n_group=1, topk_group=1,
                                 num_experts_per_tok=4), torch.float32),
    "mla-one-chosen": (deepseek(num_experts_per_tok=1, norm_topk_prob=False, n_shared_experts=2), torch.float32),
    "mla-odd": (deepseek(n_routed_experts=9, n_group=3, topk_group=2, num_experts_per_tok=5, moe_intermediate_size=40, v_head_dim=24), torch.float32),
    "mla-low-scores": (deepseek(n_routed_experts=6, n_group=3, topk_group=1, num_experts_per_tok=2), torch.float32),  # biases far below 0
    "mla-stacked": (deepseek(n_routed_experts=4, n_group=2, topk_group=1, num_experts_per_tok=2, num_hidden_layers=2), torch.bfloat16),
}
LENGTHS = [2, 7, 19, 60]
TEMPERATURES = [1.0, 0.7]
TEXTS = [
    "The capital of France is Paris, and the capital of Italy is Rome.",
    "<|im_start|>user\nWhat is 3 + 4?<|im_end|>\n<|im_start|>assistant\n3 + 4 = 7<|im_end|>\n",
    "def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)\n",
]


def scores(model, tokens, temperature):
    logits = model(input_ids=torch.tensor([tokens[:-1]])).logits[0].double() / temperature
    logprobs = logits.log_softmax(-1)
    return logprobs.gather(1, torch.tensor(tokens[1:])[:, None])[:, 0], -(logprobs.exp() * logprobs).sum(-1)


def write_weights(folder, state, dtype, two_files):
    in_float32 = "e_score_correction_bias"
    state = {name: (tensor if name.endswith(in_float32) else tensor.to(dtype)).contiguous() for name, tensor in state.items()}
    if not two_files:
        return save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    names = sorted(state)
    halves = [names[: len(names) // 2], names[len(names) // 2:]]
    where = {}
    for number, half in enumerate(halves, 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: state[name] for name in half}, folder / file, metadata={"format": "pt"})
        where.update({name: file for name in half})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}, indent=1))


def one_by_one(state):
    """Stacked experts, gate over up, as tensors of their own: what transformers writes into files."""
    split = {}
    for name, tensor in state.items():
        root = name.rsplit(".", 1)[0]
        if name.endswith("experts.gate_up_proj"):
            for expert, (gate, up) in enumerate(matrix.chunk(2) for matrix in tensor):
                split |= {f"{root}.{expert}.gate_proj.weight": gate, f"{root}.{expert}.up_proj.weight": up}
        elif name.endswith("experts.down_proj"):
            split |= {f"{root}.{expert}.down_proj.weight": matrix for expert, matrix in enumerate(tensor)}
        else:
            split[name] = tensor
    return split


def small_model(name, config, dtype, out):
    torch.manual_seed(20)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", experts_implementation="eager")
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("mlp.gate.weight"):
                parameter.mul_(4)  # routers that prefer some
            if parameter_name.endswith("norm.weight"):
                parameter.add_(torch.randn_like(parameter) * 0.2)
            elif parameter_name.endswith("bias"):
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            parameter.copy_(parameter.to(dtype).float())  # what the file holds is what is computed with
        for buffer_name, buffer in model.named_buffers():
            if buffer_name.endswith("e_score_correction_bias"):  # float32 in the file, of more digits than bfloat16 has
                buffer.copy_(torch.randn_like(buffer) * 0.2 + 5.003 - (10 if name == "mla-low-scores" else 0))
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config.dtype = dtype
    config.architectures = [type(model).__name__]
    (folder / "config.json").write_text(config.to_json_string())
    state = {k: v for k, v in model.state_dict().items() if not (config.tie_word_embeddings and k == "lm_head.weight")}
    write_weights(folder, state if name.endswith("-stacked") else one_by_one(state), dtype, two_files=name == "qwen2")

    model = model.double()
    generator = torch.Generator().manual_seed(20)
    sequences = [torch.randint(0, config.vocab_size, (length,), generator=generator).tolist() for length in LENGTHS]
    cases = []
    loss = 0
    for tokens in sequences:
        for temperature in TEMPERATURES:
            logprobs, entropy = scores(model, tokens, temperature)
            cases.append(dict(tokens=tokens, temperature=temperature, logprobs=logprobs.tolist(), entropy=entropy.tolist()))
            if temperature == 1.0:  # weights of the loss: cos(n) over the tokens of each sequence
                loss = loss + (logprobs * torch.cos(torch.arange(len(logprobs), dtype=torch.float64))).sum()
    loss.backward()
    gradients = {}
    for parameter_name, gradient in one_by_one({name: parameter.grad for name, parameter in model.named_parameters()}).items():
        flat = gradient.flatten()
        probe = torch.cos(0.37 * torch.arange(flat.numel(), dtype=torch.float64))
        gradients[parameter_name] = dict(norm=flat.norm().item(), probe=(flat @ probe).item())
    (folder / "expected.json").write_text(json.dumps(dict(cases=cases, gradients=gradients)))


def smollm2(folder, out):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    cases = []
    with torch.no_grad():
        for text in TEXTS:
            tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
            logprobs, entropy = scores(model, tokens, 1.0)
            cases.append(dict(tokens=tokens, temperature=1.0, logprobs=logprobs.tolist(), entropy=entropy.tolist()))
    (out / "smollm2_expected.json").write_text(json.dumps(dict(cases=cases)))


def main():
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    for name, (config, dtype) in MODELS.items():
        if len(sys.argv) < 4 or name.startswith(sys.argv[3]):
            small_model(name, config, dtype, out)
    if len(sys.argv) == 3:
        smollm2(sys.argv[2], out)


main()

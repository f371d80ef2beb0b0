#!/usr/bin/env python3
"""Fixtures of runtime/data's tokenizer, made by Hugging Face tokenizers: strings with their ids, ids with their text.

Needs (PyPI): tokenizers==0.23.3. Usage: tokenizer_fixtures.py MODEL_FOLDER OUTPUT_FOLDER
MODEL_FOLDER holds SmolLM2's own tokenizer.json (tools/smollm2_folder.py); OUTPUT_FOLDER is tests/golden/data. Writes
  <kind>.tokenizer.json   small tokenizers of several kinds over one vocabulary that is trained here
  small_tokens.jsonl      {"text", "<kind>": ids, ...} on each line
  smollm2_tokens.jsonl    {"text", "ids"}
  decoded.jsonl           {"kind", "ids", "text", "plain"}: random ids, with and without special tokens
Random characters are drawn from what Python's unicodedata knows, so that no library is asked for characters newer than its tables.
"""
import copy, json, pathlib, sys, unicodedata

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from tokenizer_strings import DEEPSEEK, LLAMA3, QWEN, SENTENCES, Strings

if unicodedata.unidata_version > "14.1":
    sys.exit("run this with Python 3.11: the characters drawn may not be newer than Unicode 14")
model_folder, output = map(pathlib.Path, sys.argv[1:3])
strings = Strings(20261123)

def small_tokenizers():
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.train_from_iterator(SENTENCES * 4, trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    trained.decoder = decoders.ByteLevel()
    trained.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<bos>", "<pad>"])
    base = json.loads(trained.to_str())
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}

    def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
        return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}

    def sequence(*steps):
        return {"type": "Sequence", "pretokenizers": list(steps)}

    def variant(**changes):
        made = copy.deepcopy(base)
        model = changes.pop("model", {})
        made["model"].update(model)
        extra = changes.pop("added", [])
        made["added_tokens"] += [{"id": 905 + i, "special": False, "lstrip": False, "rstrip": False, "single_word": False, "normalized": True, **token} for i, token in enumerate(extra)]
        made.update(changes)
        return made

    bos = trained.token_to_id("<bos>")
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<bos>": {"id": "<bos>", "ids": [bos], "tokens": ["<bos>"]}}}
    string_merges = [" ".join(pair) for pair in base["model"]["merges"]]
    return {
        "gpt2": variant(pre_tokenizer={**byte_level, "use_regex": True}, post_processor={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}),
        "llama3": variant(pre_tokenizer=sequence(split(LLAMA3), byte_level), post_processor={"type": "Sequence", "processors": [{**byte_level, "use_regex": True}, template]},
                          model={"ignore_merges": True, "merges": string_merges},
                          added=[{"content": "<mask>", "lstrip": True, "special": True, "normalized": False}, {"content": "<end>", "rstrip": True, "normalized": False},
                                 {"content": "word", "single_word": True, "normalized": False}, {"content": "  ", "normalized": False}]),
        "qwen": variant(normalizer={"type": "NFC"}, pre_tokenizer=sequence(split(QWEN), byte_level),
                        added=[{"content": "café", "normalized": True}, {"content": "\u212b", "normalized": False}, {"content": "word", "single_word": True}, {"content": "<mask>", "lstrip": True, "rstrip": True}]),
        "deepseek": variant(normalizer={"type": "Sequence", "normalizers": []}, pre_tokenizer=sequence(*map(split, DEEPSEEK), byte_level)),
        "splits": variant(normalizer={"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "NFKC"}]},
                          pre_tokenizer=sequence({"type": "Digits", "individual_digits": False}, split(" ", "MergedWithNext", kind="String"), split(r"[.,!?]", "MergedWithPrevious"), split("-", "Contiguous", kind="String"),
                                                 split(r"[a-z]+|\d+", "Isolated", invert=True), split("=", "Removed", kind="String"), {**byte_level, "add_prefix_space": True, "use_regex": True})),
    }


def write_lines(name, rows):
    with open(output / name, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    output.mkdir(parents=True, exist_ok=True)
    small = {}
    for kind, content in small_tokenizers().items():
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (output / f"{kind}.tokenizer.json").write_text(text + "\n", encoding="utf-8")
        small[kind] = Tokenizer.from_str(text)
    smollm2 = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    write_lines("small_tokens.jsonl", ({"text": text, **{kind: tokenizer.encode(text, add_special_tokens=True).ids for kind, tokenizer in small.items()}} for text in strings.many(2000)))
    write_lines("smollm2_tokens.jsonl", ({"text": text, "ids": smollm2.encode(text, add_special_tokens=True).ids} for text in strings.many(2400)))
    decoded = []
    for kind, tokenizer in {**small, "smollm2": smollm2}.items():
        for _ in range(120):
            ids = [strings.draw.randrange(strings.draw.choice([20, 300, tokenizer.get_vocab_size()])) for _ in range(strings.draw.randrange(1, 12))]
            decoded.append({"kind": kind, "ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False), "plain": tokenizer.decode(ids, skip_special_tokens=True)})
    write_lines("decoded.jsonl", decoded)


if __name__ == "__main__":
    main()

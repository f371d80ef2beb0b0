#!/usr/bin/env python3
"""Writes tests/golden/data/named_tokens.jsonl: folders whose tokens stand in several files, and the tokens of a few texts as
Hugging Face transformers makes them there.

Run by hand: named_token_fixtures.py GOLDEN_DATA. Made with transformers 5.24.0, tokenizers 0.23.3. Each line has the files that
join or change gpt2.tokenizer.json ("added" are entries of its added_tokens), and per text the ids, the text without special
tokens, and eos_token_id.
"""
import json
import sys
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

TEXTS = ["a<x>b", " <x> ", "a <y> b<x><y>", "<X>", "The quick <|im_end|> fox"]
NEXT = 905  # the first id behind those of gpt2.tokenizer.json


def token(content, **flags):
    return dict(dict(content=content, lstrip=False, rstrip=False, single_word=False, normalized=False, special=True), **flags)


def named(content, **flags):
    return {"__type": "AddedToken", **token(content, **flags)}


CASES = {
    "nothing beside tokenizer.json": {},
    "added_tokens_decoder": dict(config=dict(added_tokens_decoder={str(NEXT): token("<x>")})),
    "added_tokens_decoder with another number": dict(config=dict(added_tokens_decoder={str(NEXT + 5): token("<x>")})),
    "several, out of order": dict(config=dict(added_tokens_decoder={"1000": token("<x>"), "999": token("<y>")})),
    "no special token": dict(config=dict(added_tokens_decoder={str(NEXT): token("<x>", special=False, normalized=True)})),
    "flags left out": dict(config=dict(added_tokens_decoder={str(NEXT): {"content": "<x>"}})),
    "additional_special_tokens": dict(config=dict(additional_special_tokens=["<x>", "<y>"])),
    "extra_special_tokens": dict(config=dict(extra_special_tokens=["<y>", "<x>"])),
    "extra_special_tokens by name": dict(config=dict(extra_special_tokens={"image_token": "<x>"})),
    "eos_token": dict(config=dict(eos_token="<x>")),
    "eos_token of the vocabulary": dict(config=dict(eos_token="<|im_end|>")),
    "eos_token with flags": dict(config=dict(eos_token=named("<x>", lstrip=True))),
    "another key": dict(config=dict(image_token="<x>", add_prefix_token=False)),
    "order of names": dict(config=dict(additional_special_tokens=["<y>"], pad_token="<x>", bos_token="<b>")),
    "added_tokens.json": dict(added_json={"<x>": NEXT}),
    "added_tokens.json names it special": dict(config=dict(additional_special_tokens=["<x>"]), added_json={"<x>": NEXT}),
    "added_tokens.json beside a decoder": dict(config=dict(added_tokens_decoder={}), added_json={"<x>": NEXT}),
    "special_tokens_map.json": dict(config={}, map=dict(eos_token="<x>", additional_special_tokens=["<y>"])),
    "special_tokens_map.json beside a decoder": dict(config=dict(added_tokens_decoder={}), map=dict(eos_token="<x>")),
    "special_tokens_map.json against the config": dict(config=dict(eos_token="<y>"), map=dict(eos_token=token("<x>"))),
    "special here only": dict(config=dict(added_tokens_decoder={str(NEXT): token("<x>")}),
                              added=[dict(id=NEXT, **token("<x>", special=False))]),
    "special there only": dict(config=dict(added_tokens_decoder={str(NEXT): token("<x>", special=False)}),
                               added=[dict(id=NEXT, **token("<x>"))]),
    "extra, but not special there": dict(config=dict(additional_special_tokens=["<x>"]),
                                         added=[dict(id=NEXT, **token("<x>", special=False))]),
    "strips here only": dict(config=dict(added_tokens_decoder={str(NEXT): token("<x>", lstrip=True)}),
                             added=[dict(id=NEXT, **token("<x>"))]),
    "strips there only": dict(config=dict(added_tokens_decoder={str(NEXT): token("<x>")}),
                              added=[dict(id=NEXT, **token("<x>", rstrip=True))]),
    "named and stripping there": dict(config=dict(eos_token="<x>"), added=[dict(id=NEXT, **token("<x>", lstrip=True))]),
    "another token of that number": dict(config=dict(added_tokens_decoder={str(NEXT): token("<y>")}),
                                         added=[dict(id=NEXT, **token("<x>"))]),
    "a word of the vocabulary": dict(config=dict(added_tokens_decoder={"5": token("&"), "64": token("a")})),
    "model_max_length of Python": dict(config=dict(model_max_length=1e30, eos_token="<x>")),
}


def main():
    golden = Path(sys.argv[1])
    base = json.loads((golden / "gpt2.tokenizer.json").read_text())
    lines = []
    for name, files in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "tokenizer.json").write_text(json.dumps(dict(base, added_tokens=base["added_tokens"] + files.get("added", []))))
            config = files.get("config")
            # Without a class transformers guesses one, which may take the vocabulary alone from tokenizer.json.
            if config is not None:
                config = dict(config, tokenizer_class="PreTrainedTokenizerFast")
                (folder / "tokenizer_config.json").write_text(json.dumps(config))
            if "map" in files:
                (folder / "special_tokens_map.json").write_text(json.dumps(files["map"]))
            if "added_json" in files:
                (folder / "added_tokens.json").write_text(json.dumps(files["added_json"]))
            tokenizer = AutoTokenizer.from_pretrained(folder)
            cases = [dict(text=text, ids=(ids := tokenizer(text)["input_ids"]), plain=tokenizer.decode(ids, skip_special_tokens=True))
                     for text in TEXTS]
        lines.append(json.dumps(dict(name=name, **dict(files, **({"config": config} if config is not None else {}))), ) [:-1] +
                     ", " + json.dumps(dict(end_token=tokenizer.eos_token_id, cases=cases))[1:] + "\n")
    (golden / "named_tokens.jsonl").write_text("".join(lines))


main()

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
import copy, json, pathlib, random, sys, unicodedata

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

if unicodedata.unidata_version > "14.1":
    sys.exit("run this with Python 3.11: the characters drawn may not be newer than Unicode 14")
model_folder, output = map(pathlib.Path, sys.argv[1:3])
draw = random.Random(20261123)

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
# The three expressions in a row of the DeepSeek-V3 kind.
DEEPSEEK = [r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]

SENTENCES = """The quick brown fox jumps over the lazy dog. Natalia sold clips to 48 of her friends in April, and then she sold half as many in May.
How many clips did she sell altogether? \\boxed{72} Let's see: 3 + 4 = 7, so 12 - 5 isn't 8; we'll have 1/2 of $1,234.50 -- that's 617.25!
Der schnelle braune Fuchs springt über den faulen Hund; größer, älter, höflich. Le renard brun saute par-dessus le chien paresseux, déjà vu, où ça ?
El zorro marrón rápido salta. ¿Cuántos años tienes? Быстрая коричневая лиса прыгает через ленивую собаку. Η γρήγορη καφέ αλεπού.
素早い茶色の狐がのろまな犬を飛び越える。 敏捷的棕色狐狸跳过了懒狗。 빠른 갈색 여우가 게으른 개를 뛰어넘는다. الثعلب البني السريع يقفز فوق الكلب الكسول
שועל חום זריז קופץ מעל הכלב העצלן तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจ
def main(arguments):\n    for i in range(10):\n\tprint(f"{i:03d}", end=" ")\n    return {"key": [1, 2.5e-3, None]}\n #include <vector>\nint main() { return 0; }
<html><body class="a">&nbsp;</body></html> https://example.org/path?query=1&x=%20 user@example.org 2026-11-23T20:31:07Z ''' \"\"\" `code` **bold** _under_score_""".split("\n")

SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|end", "<|im_start", "im_end|>", "<repo_name>", "<file_sep>", "<bos>", "<pad>", "<mask>", "word", "wordless",
           "café", "cafe\u0301", "  ", "\u212b"]
ODD = ["\u0301", "\u0300\u0301\u0302", "e\u0301", "\u1e9b\u0323", "q\u0307\u0323", "\ufb01", "\u2126", "\u212b", "ſ", "'ſ", "'S", "'LL", "'Ll", "K", "İ", "ß", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇫🇷",
       "\u200d", "\u200b", "\ufeff", "\u00ad", "\u180e", "\u0085", "\u00a0", "\u2028", "\u2029", "\u3000", "\u1680", "\u202f", "\x00", "\x01", "\x1f", "\x7f", "\x0b", "\x0c", "\r", "\r\n", "\n\n\n", "\t\t",
       " ", "  ", "   ", "\n ", " \n", "\ufffd", "\ufffe", "\U0010ffff", "\U0001f600", "\ue000", "가", "\u1100\u1161\u11a8", "각", "²", "½", "Ⅷ", "٣", "१२३", "𝟘𝟙", "①", "㊿", "零", "_", "__init__",
       "'s", "'t", "'re", "don't", "''", "\u2019s", "-", "--", "...", "…", "1,234,567.89", "3.14159", "007", "1e-5", "100%", "a1b2c3", "x²+y²=z²", "$5", "€9", "\\frac{1}{2}"]


def assigned():
    while True:
        limit = draw.choice([0x80, 0x250, 0x3000, 0xFFFF, 0x10FFFF])
        character = chr(draw.randrange(limit))
        if unicodedata.category(character) not in ("Cn", "Cs"):
            return character


def one_string():
    kind = draw.randrange(10)
    words = [word for sentence in SENTENCES for word in sentence.split(" ")]
    if kind == 0:
        return "".join(assigned() for _ in range(draw.randrange(1, 30)))
    if kind == 1:
        return "".join(draw.choice(ODD) for _ in range(draw.randrange(1, 8)))
    if kind == 2:
        return "".join(draw.choice([draw.choice(SPECIAL), draw.choice(ODD), draw.choice(words), " "]) for _ in range(draw.randrange(1, 10)))
    if kind == 3:
        return "".join(draw.choice([" ", "  ", "\t", "\n", "\r\n", "\u00a0", "a", "1", "."]) for _ in range(draw.randrange(1, 20)))
    if kind == 4:
        return "".join(draw.choice("0123456789 .,-+/*=()") for _ in range(draw.randrange(1, 30)))
    if kind == 5:
        return " ".join(draw.choice(words) for _ in range(draw.randrange(1, 12)))
    if kind == 6:
        return "".join(draw.choice(words + ODD) for _ in range(draw.randrange(2, 8)))
    if kind == 7:
        text = draw.choice(SENTENCES)
        return unicodedata.normalize(draw.choice(["NFC", "NFD", "NFKD"]), text[draw.randrange(len(text)):][:60])
    if kind == 8:
        return "".join(chr(draw.randrange(0x80)) for _ in range(draw.randrange(1, 30)))
    return draw.choice(words) + draw.choice(SPECIAL) + draw.choice(words)


def strings(count):
    fixed = ["", " ", "\n", "\x00", "a", "é", *ODD, *SPECIAL, *SENTENCES, "a" * 1000, "ab" * 400, " " * 300, "\n" * 200, "🙂" * 60, "1" * 300, "the" * 300, "e\u0301" * 100, "\u0301" * 90, "x" + "\u0323\u0301" * 40,
             "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3, "<|im_start|>user\nWhat is 3 + 4?<|im_end|>\n<|im_start|>assistant\n",
             "<|im_start|>" * 20, "<|" * 50, "'" * 40, "<|im_start|><|im_start", " <mask> ", "a <mask>  b", "word words sword word.", "wordless word less"]
    return fixed + [one_string() for _ in range(count - len(fixed))]


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
    write_lines("small_tokens.jsonl", ({"text": text, **{kind: tokenizer.encode(text, add_special_tokens=True).ids for kind, tokenizer in small.items()}} for text in strings(2000)))
    write_lines("smollm2_tokens.jsonl", ({"text": text, "ids": smollm2.encode(text, add_special_tokens=True).ids} for text in strings(2400)))
    decoded = []
    for kind, tokenizer in {**small, "smollm2": smollm2}.items():
        for _ in range(120):
            ids = [draw.randrange(draw.choice([20, 300, tokenizer.get_vocab_size()])) for _ in range(draw.randrange(1, 12))]
            decoded.append({"kind": kind, "ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False), "plain": tokenizer.decode(ids, skip_special_tokens=True)})
    write_lines("decoded.jsonl", decoded)


if __name__ == "__main__":
    main()

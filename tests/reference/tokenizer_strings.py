"""Strings and expressions that the tokenizers are tried on; for tokenizer_fixtures.py and tokenizer_sweep.py."""
import random, unicodedata

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

WORDS = [word for sentence in SENTENCES for word in sentence.split(" ")]
MARKS = [chr(point) for point in range(0x110000) if unicodedata.combining(chr(point))]
FIXED = ["", " ", "\n", "\x00", "a", "é", *ODD, *SPECIAL, *SENTENCES, "a" * 1000, "ab" * 400, " " * 300, "\n" * 200, "🙂" * 60, "1" * 300, "the" * 300, "e\u0301" * 100, "\u0301" * 90, "x" + "\u0323\u0301" * 40,
         "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3, "<|im_start|>user\nWhat is 3 + 4?<|im_end|>\n<|im_start|>assistant\n",
         "<|im_start|>" * 20, "<|" * 50, "'" * 40, "<|im_start|><|im_start", " <mask> ", "a <mask>  b", "word words sword word.", "wordless word less"]


class Strings:
    """`any_code_point`: also those that Python's unicodedata has no character for."""

    def __init__(self, seed, any_code_point=False):
        self.draw, self.any_code_point = random.Random(seed), any_code_point

    def character(self):
        while True:
            limit = self.draw.choice([0x80, 0x250, 0x3000, 0xFFFF, 0x10FFFF])
            character = chr(self.draw.randrange(limit))
            if unicodedata.category(character) not in (("Cs",) if self.any_code_point else ("Cn", "Cs")):
                return character

    def one(self):
        draw = self.draw
        kind = draw.randrange(13 if self.any_code_point else 10)
        if kind == 0:
            return "".join(self.character() for _ in range(draw.randrange(1, 30)))
        if kind == 1:
            return "".join(draw.choice(ODD) for _ in range(draw.randrange(1, 8)))
        if kind == 2:
            return "".join(draw.choice([draw.choice(SPECIAL), draw.choice(ODD), draw.choice(WORDS), " "]) for _ in range(draw.randrange(1, 10)))
        if kind == 3:
            return "".join(draw.choice([" ", "  ", "\t", "\n", "\r\n", "\u00a0", "a", "1", "."]) for _ in range(draw.randrange(1, 20)))
        if kind == 4:
            return "".join(draw.choice("0123456789 .,-+/*=()") for _ in range(draw.randrange(1, 30)))
        if kind == 5:
            return " ".join(draw.choice(WORDS) for _ in range(draw.randrange(1, 12)))
        if kind == 6:
            return "".join(draw.choice(WORDS + ODD) for _ in range(draw.randrange(2, 8)))
        if kind == 7:
            text = draw.choice(SENTENCES)
            return unicodedata.normalize(draw.choice(["NFC", "NFD", "NFKD"]), text[draw.randrange(len(text)) :][:60])
        if kind == 8:
            return "".join(chr(draw.randrange(0x80)) for _ in range(draw.randrange(1, 30)))
        if kind == 9:
            return draw.choice(WORDS) + draw.choice(SPECIAL) + draw.choice(WORDS)
        if kind == 10:  # what stands beside a character shows which class it is of
            return "".join(draw.choice(["a", "the ", "1", "12 ", ".", "(in", "'s", "'re ", " ", "\n", "!!\n", "中"]) + self.character() for _ in range(draw.randrange(1, 12)))
        if kind == 11:
            return "".join(draw.choice([draw.choice(MARKS), draw.choice(MARKS), draw.choice("aeo가"), self.character()]) for _ in range(draw.randrange(1, 20)))
        return "".join(chr(point) for point in (draw.randrange(0x110000) for _ in range(draw.randrange(1, 40))) if not 0xD800 <= point < 0xE000)

    def many(self, count):
        return FIXED + [self.one() for _ in range(count - len(FIXED))]

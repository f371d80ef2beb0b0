#!/usr/bin/env python3
"""Writes runtime/data/newer_characters.inc: where Hugging Face tokenizers knows another Unicode than PCRE2 and utf8proc do.

Needs (PyPI): tokenizers==0.23.3, Python 3.11 (whose unicodedata is of Unicode 14, as PCRE2 10.42 is), libutf8proc 2.8 as a shared library.
Usage: unicode_tables.py OUTPUT. The wheel's Oniguruma sorts characters by Unicode 16, its Rust parts find digits by a newer one
still, and its normal forms are of an older one; all three are asked here, code point by code point.
"""
import collections, ctypes, ctypes.util, sys, unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

if unicodedata.unidata_version != "14.0.0":
    sys.exit("run this with Python 3.11")
POINTS = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()


def onig_categories():
    found = {}
    for category in CATEGORIES:
        step = pre_tokenizers.Split(Regex(rf"\p{{{category}}}"), "removed")
        for point in POINTS:
            if not step.pre_tokenize_str(chr(point)):
                found[point] = category
    return found


def ranges(values):
    """{point: value} -> [(first, last, value)]."""
    made = []
    for point in sorted(values):
        if made and made[-1][1] == point - 1 and made[-1][2] == values[point]:
            made[-1][1] = point
        else:
            made.append([point, point, values[point]])
    return made


def stand_ins(categories):
    """For each code point of another category there than in Unicode 14: one of that category here, of as many bytes."""
    size = lambda point: len(chr(point).encode())
    ideographs = lambda point: 0x3040 <= point <= 0x30FF or 0x4E00 <= point <= 0x9FFF
    first = {}
    for point in POINTS:
        category = unicodedata.category(chr(point))
        if categories.get(point, "Cn") == category and not ideographs(point):
            first.setdefault((size(point), category), point)
    return {point: first[size(point), categories.get(point, "Cn")] for point in POINTS if categories.get(point, "Cn") != unicodedata.category(chr(point))}


def new_numbers():
    """Numbers to the step Digits, which utf8proc's category does not call so."""
    step = pre_tokenizers.Digits(individual_digits=True)
    library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    library.utf8proc_category_string.restype = ctypes.c_char_p
    made = {}
    for point in POINTS:
        is_number = len(step.pre_tokenize_str("a" + chr(point))) == 2
        if is_number != library.utf8proc_category_string(point).decode().startswith("N"):
            made[point] = is_number
    assert all(made.values()), "a number here that is none there"
    return {point: True for point in made}


def inert_marks():
    """Characters that the normal forms leave where they stand there, and utf8proc does not."""
    library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    library.utf8proc_map.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]
    library.utf8proc_map.restype = ctypes.c_ssize_t
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]

    def ours(text, form):
        out = ctypes.c_void_p()
        size = library.utf8proc_map(text.encode(), len(text.encode()), ctypes.byref(out), form)
        made = ctypes.string_at(out.value, size).decode()
        free(out)
        return made

    stable, compat, compose, decompose = 2, 4, 8, 16
    forms = {"NFC": (normalizers.NFC(), stable | compose), "NFD": (normalizers.NFD(), stable | decompose),
             "NFKC": (normalizers.NFKC(), stable | compose | compat), "NFKD": (normalizers.NFKD(), stable | decompose | compat)}
    made = {}
    for point in POINTS:
        for name, (theirs, form) in forms.items():
            for text in (chr(point), "a\u0345" + chr(point) + "\u0334"):
                if point and theirs.normalize_str(text) != ours(text, form):
                    assert theirs.normalize_str(text) == text, f"{name} of U+{point:04X} is another one, not none"
                    made[point] = True
    # What a character that is unknown there is made of does not compose there either.
    for point in list(made):
        parts = unicodedata.decomposition(chr(point)).split(" ")
        if len(parts) == 2 and not parts[0].startswith("<"):
            made[int(parts[1], 16)] = True
    return made


def main():
    categories = onig_categories()
    replaced = ranges(stand_ins(categories))
    print("categories that changed:", collections.Counter((unicodedata.category(chr(a)), categories.get(a, "Cn")) for a, b, c in replaced))
    rows = lambda name, cells, kind: f"constexpr {kind} {name}[] = {{\n" + "".join("    " + " ".join(cells[at : at + 4]) + "\n" for at in range(0, len(cells), 4)) + "};\n"
    with open(sys.argv[1], "w") as file:
        file.write("// Made by tests/reference/unicode_tables.py.\n\n")
        file.write(rows("kStandIns", [f"{{0x{a:05X}, 0x{b:05X}, 0x{c:05X}}}," for a, b, c in replaced], "StandIn") + "\n")
        file.write(rows("kNewNumbers", [f"{{0x{a:05X}, 0x{b:05X}}}," for a, b, _ in ranges(new_numbers())], "PointRange") + "\n")
        file.write(rows("kInertMarks", [f"{{0x{a:05X}, 0x{b:05X}}}," for a, b, _ in ranges(inert_marks())], "PointRange"))


if __name__ == "__main__":
    main()

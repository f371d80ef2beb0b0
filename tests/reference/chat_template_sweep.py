#!/usr/bin/env python3
"""Compares `muster-runtime render` with transformers' apply_chat_template on made-up conversations, family by family.

Needs (PyPI): transformers==5.23.0, jinja2==3.1.6, and trl==1.16.0, whose wheel carries the templates of the families as files
(Apache-2.0; the text of each template belongs to its model's maker, so none is copied here).
Usage: chat_template_sweep.py MUSTER_RUNTIME [--families llama3,qwen3 | --all] [--conversations 200] [--seed N]
       [--model-folder FOLDER] [--templates FOLDER] [--fixtures FILE]
FOLDER of --model-folder holds SmolLM2's tokenizer_config.json (tools/smollm2_folder.py), --templates the *.jinja files (trl's by
default). Conversations have system prompts or none, one or many turns, tools, tool calls, reasoning, null members, thinking flags,
with and without the generation prompt. What transformers refuses, render has to refuse. --fixtures writes conversations with
transformers' rendering for tests/golden/chat, of templates that may be committed (tests/golden/chat/*.jinja).
"""
import argparse, importlib.util, json, pathlib, random, subprocess, sys, tempfile

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

FAMILIES = "llama3 llama3_1 llama3_2 qwen2_5 qwen3 deepseekv3 nemotron_3_nano".split()
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}

WORDS = ["What", "is", "the", "sum", "of", "3", "+", "4?", "naïve", "Grüße", "素早い", "🙂", "\\boxed{7}", "<tool_response>", "</tool_response>", "<think>", "</think>",
         "line\nbreak", "  two  ", "\ttab", "{{ braces }}", "{% set x = 1 %}", '"quoted"', "it's", "<|im_end|>", "a&b<c>", "\u2028", "\u00a0", "1e-5", "\r\n"]
TOOLS = [
    {"type": "function", "function": {"name": "add", "description": "Adds two numbers.\nReally.", "parameters": {"type": "object", "properties": {
        "a": {"type": "number", "description": "first  "}, "b": {"type": "number", "minimum": 0.5, "enum": [1, 2.5, 1e20, None]}}, "required": ["a", "b"]}, "strict": True}},
    {"type": "function", "function": {"name": "wetter", "description": "Wetter für eine Stadt: \"é\" <b>&amp;'", "parameters": {"type": "object", "properties": {
        "city": {"type": ["string", "null"], "items": {"deep": [{"x": {}}, []]}}}}}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
    {"name": "bare", "description": "no function around it", "parameters": {"type": "object", "properties": {"q": {"type": "string"}}, "required": []}},
]


class Maker:
    def __init__(self, seed):
        self.draw = random.Random(seed)

    def chance(self, share):
        return self.draw.random() < share

    def text(self, longest=12):
        text = "".join(self.draw.choice(WORDS) + self.draw.choice([" ", " ", "", "\n"]) for _ in range(self.draw.randrange(longest)))
        return self.draw.choice(["", "\n", " "]) + text if self.chance(0.3) else text.strip()

    def call(self):
        arguments = self.draw.choice([{"a": 3, "b": 4.0}, {"city": "Zürich"}, {"q": self.text(4), "flag": True, "none": None, "list": [1, {"x": []}]}, {}])
        if self.chance(0.15):
            arguments = json.dumps(arguments)
        function = {"name": self.draw.choice(["add", "wetter", "now"]), "arguments": arguments}
        return {"type": "function", "id": "call_1", "function": function} if self.chance(0.85) else function

    def answer(self):
        message = {"role": "assistant", "content": self.text()}
        if self.chance(0.2):
            message["content"] = f"<think>\n{self.text(6)}\n</think>\n\n{self.text(6)}"
        if self.chance(0.15):
            message["reasoning_content" if self.chance(0.6) else self.draw.choice(["thinking", "reasoning"])] = self.text(8)
        if self.chance(0.1):
            message[self.draw.choice(["tool_calls", "name", "reasoning_content"])] = None
        return message

    def conversation(self):
        messages = []
        if self.chance(0.5):
            messages.append({"role": "system", "content": self.text()})
        for _ in range(self.draw.choice([1, 1, 1, 2, 3, 5])):
            messages.append({"role": "user", "content": self.text()})
            if self.chance(0.3):
                call = self.answer()
                call["tool_calls"] = [self.call() for _ in range(self.draw.choice([1, 1, 2]))]
                if self.chance(0.3):
                    call["content"] = self.draw.choice([None, ""])
                messages.append(call)
                messages += [{"role": self.draw.choice(["tool", "tool", "tool", "ipython"]), "content": self.text(5) or "7", "name": "add"} for _ in call["tool_calls"]]
            if self.chance(0.7):
                messages.append(self.answer())
        if self.chance(0.6) and messages[-1]["role"] != "user":
            messages.append({"role": "user", "content": self.text()})
        if self.chance(0.03):
            self.draw.choice(messages)["content"] = [{"type": "text", "text": self.text(3)}]
        line = {"messages": messages, "add_generation_prompt": self.chance(0.5)}
        if self.chance(0.3):
            line["tools"] = self.draw.sample(TOOLS, self.draw.randrange(0, len(TOOLS) + 1))
        if self.chance(0.4):
            line["enable_thinking"] = self.chance(0.5)
        for flag in ("truncate_history_thinking", "tools_in_user_message", "preserve_thinking", "keep_reasoning"):
            if self.chance(0.1):
                line[flag] = self.chance(0.5)
        if self.chance(0.1):
            line["date_string"] = "1 Jan 2026"
        if self.chance(0.05):
            line["builtin_tools"] = ["code_interpreter", "add"]
        return line


def judge_for(tokens):
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), **tokens)


def expected(judge, template, line):
    """What transformers renders; None when it refuses."""
    keywords = {key: value for key, value in line.items() if key not in ("id", "messages")}
    try:
        return judge.apply_chat_template(line["messages"], chat_template=template, tokenize=False, **keywords)
    except Exception:
        return None


def rendered(runtime, folder, lines):
    """What `render` makes of each line, None where it refuses, and what it says."""
    path, output = folder / "in.jsonl", folder / "out.jsonl"
    path.write_text("".join(json.dumps({"id": index, **line}, ensure_ascii=False) + "\n" for index, line in enumerate(lines)), encoding="utf-8")
    result = subprocess.run([runtime, "render", "--model", folder, "--input", path, "--output", output], capture_output=True, text=True)
    if result.returncode not in (0, 2):
        sys.exit(f"{runtime} ended with {result.returncode}: {result.stderr}")
    texts = [None] * len(lines)
    if output.exists():
        for line in output.read_text(encoding="utf-8").split("\n"):
            if line:
                answer = json.loads(line)
                texts[answer["id"]] = answer["text"]
    return texts, result.stderr


def sweep(runtime, name, template, tokens, count, seed):
    """Prints one line; True when all agree."""
    maker = Maker(f"{seed} {name}")
    lines = [maker.conversation() for _ in range(count)]
    judge = judge_for(tokens)
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8", newline="")
        ours, said = rendered(runtime, folder, lines)
    theirs = [expected(judge, template, line) for line in lines]
    wrong = [index for index in range(count) if ours[index] != theirs[index]]
    print(f"{name:34} {count - len(wrong)} of {count} equal, {theirs.count(None)} refused by both" + ("" if not wrong else f"; first {wrong[:5]}"), flush=True)
    if wrong:
        index = wrong[0]
        print("   line  ", json.dumps(lines[index], ensure_ascii=False)[:1500])
        a, b = ours[index], theirs[index]
        if a is not None and b is not None:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            print("   ours  ", repr(a[max(0, at - 80) : at + 80]))
            print("   theirs", repr(b[max(0, at - 80) : at + 80]))
        else:
            print("   ours  ", repr(a)[:200], "| theirs", repr(b)[:200])
            print("   said  ", said[:600])
    return not wrong


def write_fixtures(path, count):
    """{"template", conversation..., "text"} of each template beside `path`."""
    with open(path, "w", encoding="utf-8") as file:
        for template in sorted(path.parent.glob("*.jinja")):
            maker, judge, source = Maker(f"fixtures {template.stem}"), judge_for(TOKENS), template.read_text(encoding="utf-8")
            for _ in range(count):
                line = maker.conversation()
                file.write(json.dumps({"template": template.name, **line, "text": expected(judge, source, line)}, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", type=pathlib.Path)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--model-folder", type=pathlib.Path)
    parser.add_argument("--templates", type=pathlib.Path)
    parser.add_argument("--fixtures", type=pathlib.Path)
    options = parser.parse_args()
    if options.fixtures:
        return write_fixtures(options.fixtures, options.conversations)
    folder = options.templates or pathlib.Path(importlib.util.find_spec("trl").submodule_search_locations[0]) / "chat_templates"
    names = sorted(path.stem for path in folder.glob("*.jinja")) if options.all else options.families.split(",")
    good = [sweep(options.runtime, name, (folder / f"{name}.jinja").read_text(encoding="utf-8"), TOKENS, options.conversations, options.seed) for name in names]
    if options.model_folder:
        config = json.loads((options.model_folder / "tokenizer_config.json").read_text())
        tokens = {key: value for key, value in config.items() if key.endswith("_token") and isinstance(value, str)}
        good.append(sweep(options.runtime, options.model_folder.name, config["chat_template"], tokens, options.conversations, options.seed))
    print(f"{sum(good)} of {len(good)} templates agree on all conversations")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()

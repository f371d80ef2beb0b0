#!/usr/bin/env python3
"""Draws docs/run.svg, the picture of the README: the tiny job in a terminal, as it looks while it runs.

tools/reference run_picture.py [BINARIES]      (needs tmux; BINARIES is build/bin)
"""
import os
import re
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

root = Path(__file__).resolve().parents[2]
COLUMNS, LINES, STEPS, SHOWN_STEP = 100, 40, 300, 240
THEME = TerminalTheme((250, 250, 248), (40, 44, 52), [(40, 44, 52), (180, 40, 50), (30, 120, 60), (150, 100, 0), (30, 90, 170), (130, 60, 150), (0, 120, 130), (120, 124, 130)])


def tmux(*arguments):
    return subprocess.run(["tmux", "-L", "muster-picture", *arguments], capture_output=True, text=True, check=True).stdout


def screen_of_a_run(binaries):
    """What stands in the terminal, with its colours, once step SHOWN_STEP is there."""
    with tempfile.TemporaryDirectory() as folder:
        command = f"cd {folder} && {binaries}/muster run reverse-digits --set grpo.steps={STEPS} --run-dir run; sleep 600"
        tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), command)
        try:
            for _ in range(3000):
                screen = tmux("capture-pane", "-e", "-p")
                plain = re.sub(r"\x1b\[[0-9;]*m", "", screen)
                step = re.search(rf"step (\d+)/{STEPS}|(\d+)/{STEPS}", plain)
                if step and int(step.group(1) or step.group(2)) >= SHOWN_STEP:
                    return screen.rstrip()
                time.sleep(0.02)
        finally:
            tmux("kill-server")
    sys.exit(f"the run never showed step {SHOWN_STEP}:\n{screen}")


def svg_of(screen):
    """The screen as SVG that needs no network: the reader's own monospace fonts."""
    console = Console(width=COLUMNS, file=StringIO(), record=True, force_terminal=True, color_system="truecolor", legacy_windows=False)
    console.print(Text.from_ansi(screen), soft_wrap=True)
    svg = console.export_svg(title="muster run reverse-digits", theme=THEME, unique_id="muster")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono'")


def main():
    binaries = Path(sys.argv[1] if len(sys.argv) > 1 else root / "build/bin").resolve()
    picture = root / "docs/run.svg"
    picture.write_text(svg_of(screen_of_a_run(binaries)), encoding="utf-8")
    print(f"{picture.relative_to(root)}: {os.path.getsize(picture)} bytes")


main()

"""Pages as data: the fenced blocks of a Markdown file, with their language, mark and line. Runs nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its first word, the rest of that line, its text, and the line on which the text begins."""

    language: str
    mark: str
    text: str
    line: int

    @property
    def runs(self) -> bool:
        """Whether a live daemon executes it: transcripts always, code where it is marked."""
        return self.language == "pycon" or (self.language == "python" and "run" in self.mark.split())


def pages() -> list[Path]:
    """Every page a reader may copy from."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    found = []
    for block in _BLOCK.finditer(text):
        language, _, mark = block["info"].strip().partition(" ")
        found.append(Block(language, mark, block["text"], text.count("\n", 0, block.start("text")) + 1))
    return found

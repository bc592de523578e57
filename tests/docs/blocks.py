"""Find the code blocks of the documentation pages, which the tests run.

A block with a caption is a file of that name; others run according to their language. ``text`` is
a program's output. A comment before a block, ``<!-- not run: reason -->``, excludes it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\n+)?"
    r"^(?P<fence>`{3,}) ?(?:\{(?P<directive>[\w-]+)\} ?)?(?P<language>[\w./-]*)[^\n]*\n"
    r"(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
CAPTION = re.compile(r"^:caption: (\S+)\n")


@dataclass
class Block:
    """A code block; ``line`` is the line of its opening fence."""

    line: int
    language: str
    body: str
    caption: str | None
    reason: str | None


def blocks_of(page: Path) -> list[Block]:
    """Return the code blocks of a page; directives other than code-block are not code."""
    text = page.read_text()
    blocks = []
    for found in BLOCK.finditer(text):
        if found["directive"] not in (None, "code-block"):
            continue
        body = found["body"]
        caption = CAPTION.match(body)
        if caption:
            body = body[caption.end() :].lstrip("\n")
        line = text.count("\n", 0, found.start("fence")) + 1
        blocks.append(Block(line, found["language"], body, caption and caption[1], found["reason"]))
    return blocks

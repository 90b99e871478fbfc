"""The fenced code blocks of a page, and how a test shortens their commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
AUTHORS = ROOT / "docs" / "plugins"
TUTORIAL, VECTORS, PAIRS = AUTHORS / "tutorial.md", AUTHORS / "vectors.md", AUTHORS / "pairs.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
FAST_RUN = "--steps 2 --precision float32 --threads 1"
TINY_RUN = "--steps 30 --hidden 32 --layers 1 --embedding 8 --batch-size 8 --bptt 32 --precision float32 --threads 1"
BLOCK = re.compile(r'^```(\w*)(?: title="([^"]+)"( append)?)?\n(.*?)^```', re.MULTILINE | re.DOTALL)
CONTINUATION = re.compile(r" *\\\n *")
COMMENT = re.compile(r"\s+#\s.*$")


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        language: The word after the fence; empty if there is none.
        title: The name of the file that the block shows; empty if there is none.
        append: Whether the block is appended to that file.
        body: The lines between the fences.
    """

    language: str
    title: str
    append: bool
    body: str

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield each command with the output that the page shows for it; the output is empty if it shows none.

        If some lines start with `$`, those lines are the commands and the lines after each are its output. Otherwise
        every line is a command. A backslash at the end of a line continues a command on the next line.
        """
        lines = CONTINUATION.sub(" ", self.body).splitlines()
        prompt = "$ " if any(line.startswith("$ ") for line in lines) else ""
        starts = [number for number, line in enumerate(lines) if line.strip() and line.startswith(prompt)]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            command = COMMENT.sub("", lines[start].removeprefix(prompt))
            yield command, "\n".join(lines[start + 1 : end])


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page in the order of the page."""
    matches = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(language, title, bool(append), body) for language, title, append, body in matches]


def shorten(command: str) -> str:
    """Return a command that runs fast: `seqforge train` takes a few steps of a tiny network, `make` only prints.

    A run that is resumed keeps its options, and a run that starts from a model keeps the shape of the model.
    """
    if command.startswith("make "):
        return command.replace("make", "make -n", 1)
    if not command.startswith("seqforge train") or "--resume" in command:
        return command
    command = re.sub(r" --minutes \d+", "", command)
    return f"{command} {FAST_RUN if '--init' in command else TINY_RUN}"

"""The blocks of code in a page, and how each is made small enough to run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "plugins" / "tutorial.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
TINY = "--steps 30 --hidden 32 --layers 1 --embedding 8 --batch-size 8 --bptt 32 --precision float32 --threads 1"
BLOCK = re.compile(r'^```(\w*)(?: title="([^"]+)"( append)?)?\n(.*?)^```', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: what is after its fence, and what it holds."""

    language: str
    title: str
    append: bool
    body: str

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield the commands with what the page shows that they say.

        Where a line begins with `$`, those are the commands, and what stands between them is said; else every line is.
        """
        lines = self.body.splitlines()
        marked = any(line.startswith("$ ") for line in lines)
        at = [number for number, line in enumerate(lines) if line.startswith("$ " if marked else "") and line.strip()]
        for number, after in zip(at, [*at[1:], len(lines)], strict=True):
            command = re.sub(r"\s+#\s.*$", "", lines[number].removeprefix("$ "))
            yield command, "\n".join(lines[number + 1 : after])


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page, in their order."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(language, title, bool(append), body) for language, title, append, body in found]


def shrunk(command: str) -> str:
    """Return a command as a test runs it: training takes a few steps of a tiny network, make only tells its commands.

    A model that is trained on, or a run that is resumed, has its shape already.
    """
    if command.startswith("make "):
        return command.replace("make", "make -n", 1)
    if not command.startswith("seqforge train") or "--resume" in command:
        return command
    command = re.sub(r" --minutes \d+", "", command)
    return command + (" --steps 2 --precision float32 --threads 1" if "--init" in command else f" {TINY}")

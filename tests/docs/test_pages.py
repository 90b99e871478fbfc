"""What the README and the pages show is there: their commands and their Python run, in the order in which they stand.

A reader's own files are given here: a few pieces of the bundled corpora. So is what is trained on where a command would
read a whole bundled corpus of music or ink. The tutorial has a test of its own.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import seqforge

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from blocks import PAGES, ROOT, TUTORIAL, Block, blocks_of, shrunk  # noqa: E402
from fakekit import TINY, in_process, isolate  # noqa: E402

CORPORA = ROOT / "corpora" / "src" / "seqforge_corpora"
SHOWN = ("text",)
"""Languages of blocks that are shown, not run: a file, or what a command says."""
SMALL = {"abc": "my_tunes", "midi": "my_midi_files", "handwriting": "my_hand"}
"""What is trained on where a page names no corpus: the bundled ones take a minute to prepare."""
UNFINISHED = "seqforge train --plugin text --corpus mine.txt --stop-at 3"
"""What must have happened before a run can be resumed: one was stopped."""
RUN = [page for page in PAGES if page != TUTORIAL and any(b.language not in SHOWN for b in blocks_of(page))]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with the files that the pages speak of."""
    isolate(monkeypatch, tmp_path)
    shakespeare = (CORPORA / "tinyshakespeare" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    tunes = (CORPORA / "cre" / "cre.abc").read_text(encoding="utf-8").split("\n\n")
    lines = (CORPORA / "unipen" / "valid" / "unipen.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    for name in ("my_texts", *SMALL.values()):
        (tmp_path / name).mkdir()
    for number in range(4):
        (tmp_path / "my_texts" / f"{number}.txt").write_text(shakespeare[number * 9000 : (number + 1) * 9000])
    for path in sorted((CORPORA / "jsb" / "train").glob("*.mid"))[:6]:
        (tmp_path / "my_midi_files" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "my_tunes" / "book.abc").write_text("\n\n".join(tunes[:40]) + "\n")
    (tmp_path / "my_hand" / "lines.json").write_text("".join(lines[:40]))
    (tmp_path / "mine.txt").write_text(shakespeare[40000:60000])
    (tmp_path / "my.txt").write_text("To be, or not to be, that is the question.\n")
    (tmp_path / "letter.txt").write_text("Dear reader,\nthe quick brown fox sends its regards.\n")
    (tmp_path / "mine.mid").write_bytes((CORPORA / "lieder" / "lc5100073.mid").read_bytes())
    return tmp_path


@pytest.fixture
def run(desk: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """A shell: what is ours runs in this process, the rest in one of its own, in the root of the repository."""

    def one(command: str) -> str:
        words = shlex.split(command)
        if words[0] != "seqforge":
            return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        said = in_process(capsys, *words[1:])
        assert said.code == 0, (command, said.err[-3000:])
        return said.out

    return one


@pytest.mark.skipif(sys.platform == "win32", reason="make, and paths as a Unix shell writes them")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_page_run(page: Path, run: Callable[[str], str]) -> None:
    room: dict[str, object] = {}
    for block in blocks_of(page):
        if block.language == "python":
            few = ", ".join(f"{name}={value!r}" for name, value in {"steps": 30, **TINY}.items())
            exec(re.sub(r"minutes=\d+", few, block.body), room)
        elif block.language == "toml":
            tomllib.loads(block.body)
        elif block.language not in SHOWN:
            type_in(block, run)


def type_in(block: Block, run: Callable[[str], str]) -> None:
    """Run the commands of a block, and compare what they say with what the page shows of it."""
    assert block.language in ("", "console"), f"no rule for a block of {block.language}"
    for line, shown in block.commands():
        if "--resume" in line:
            run(shrunk(UNFINISHED))
        for command in line.split(" ; "):
            command = shrunk(command.strip())
            plugin = re.search(r"--plugin (\w+)", command)
            if command.startswith("seqforge train") and plugin and plugin[1] in SMALL and "--corpus" not in command:
                command += f" --corpus {SMALL[plugin[1]]}"
            said = run(command)
        if shown.endswith("\n..."):
            assert said.startswith(shown.removesuffix("...")), (line, said)
        elif shown:
            assert said.rstrip("\n") == shown, (line, said)


def test_there_are_blocks_to_run() -> None:
    commands = [command for page in RUN for block in blocks_of(page) for command, _ in block.commands()]
    assert len(RUN) >= 4 and sum(command.startswith("seqforge ") for command in commands) > 30


def test_the_lesson_of_the_readme_gives_what_generate_gives(desk: Path) -> None:
    (lesson,) = [block.body for block in blocks_of(ROOT / "README.md") if "def greedy" in block.body]
    room: dict[str, object] = {}
    exec(lesson, room)
    model = seqforge.load("text")
    told = room["greedy"](model, "To be, or not to b", 3)  # type: ignore[operator]
    assert told.startswith("To be, or not to b") and len(told) == len("To be, or not to b") + 3
    assert sum(model.next("To be").values()) == pytest.approx(1)
    assert told == model.generate(prompt="To be, or not to b", greedy=True, length=len(told))[0].content

"""The commands and the Python of the pages run, in the order of each page, and give the output that the page shows.

The files of a reader are a few pieces of the bundled corpora. Where a command would train on a whole bundled corpus of
music or handwriting, it trains on such files instead. The tutorials are tested in test_tutorial.py.
"""

import csv
import re
import shlex
import struct
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqforge

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from blocks import PAGES, PAIRS, ROOT, TUTORIAL, VECTORS, Block, blocks_of, shorten  # noqa: E402
from fakekit import TINY, in_process, isolate  # noqa: E402

CORPORA = ROOT / "corpora" / "src" / "seqforge_corpora"
USAGE = ROOT / "docs" / "usage.md"
NOT_RUN = "text"
"""The language of blocks that are not run."""
CORPUS_FOLDERS = {"abc": "my_tunes", "midi": "my_midi_files", "handwriting": "my_hand"}
"""The corpus of a plugin where a page names none: the bundled corpora take a minute to prepare."""
INTERRUPTED_RUN = "seqforge train --plugin text --corpus mine.txt --stop-at 3"
"""Run before a command that resumes a run."""
PYTHON_TINY = ", ".join(f"{name}={value!r}" for name, value in {"steps": 30, **TINY}.items())


def is_runnable(block: Block) -> bool:
    return block.language != NOT_RUN


TUTORIALS = (TUTORIAL, VECTORS, PAIRS)
RUN_PAGES = [page for page in PAGES if page not in TUTORIALS and any(map(is_runnable, blocks_of(page)))]


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the working folder, which contains the files that the pages mention."""
    isolate(monkeypatch, tmp_path)
    shakespeare = (CORPORA / "tinyshakespeare" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    tunes = (CORPORA / "cre" / "cre.abc").read_text(encoding="utf-8").split("\n\n")
    lines = (CORPORA / "unipen" / "valid" / "unipen.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    for name in ("my_texts", *CORPUS_FOLDERS.values()):
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
    beat = sorted((CORPORA / "groove").glob("*.mid"))[0]
    (tmp_path / "beat.mid").write_bytes(beat.read_bytes())
    write_tunes(tmp_path, tunes[:12])
    return tmp_path


def write_tunes(folder: Path, tunes: list[str]) -> None:
    """Write a tune, a book whose third tune has eight bars, a first part, and tunes in other formats.

    Args:
        folder: The folder.
        tunes: Tunes in ABC for a table.
    """
    first, second = "|:A|DED F2A|d3 f3|edc B2A|d3 A2:|", "|:A|dfa fdf|ecA e3|edc B2A|d3 d2:|"
    header = "M:6/8\nL:1/8\nK:D\n"
    (folder / "my_tune.abc").write_text(f"X:1\n{header}{first}\n{second}\n")
    (folder / "my_first_part.abc").write_text(f"X:1\n{header}{first}\n")
    (folder / "my_book.abc").write_text("\n".join(f"X:{n}\n{header}{first}\n{second}\n" for n in (1, 2, 3)))
    with (folder / "my_table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("setting_id", "abc"), *enumerate(tunes)])
    notes = "".join(f"<note><pitch><step>{step}</step><octave>5</octave></pitch><duration>1</duration></note>"
                    for step in "DEFG")  # fmt: skip
    (folder / "my_score.musicxml").write_text(
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Fiddle</part-name></score-part>'
        '</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions><time><beats>4</beats>'
        f"<beat-type>4</beat-type></time></attributes>{notes}</measure></part></score-partwise>"
    )
    events = b"".join(bytes([0, 0x90, pitch, 80, 0x83, 0x60, 0x80, pitch, 0]) for pitch in (62, 66, 69, 62))
    track = events + bytes([0, 0xFF, 0x2F, 0])
    header_chunk = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    (folder / "my_melody.mid").write_bytes(header_chunk + b"MTrk" + struct.pack(">I", len(track)) + track)


@pytest.fixture
def shell(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Return a function that runs a command and returns its standard output.

    `seqforge` runs in this process, a pipeline in a shell, and other commands in a child process in the root of the
    repository.
    """

    def run(command: str) -> str:
        words = shlex.split(command)
        if "|" in words:
            script = command.replace("seqforge ", f"{shlex.quote(sys.executable)} -m seqforge ")
            return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
        if words[0] != "seqforge":
            return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        result = in_process(capsys, *words[1:])
        assert result.code == 0, (command, result.err[-3000:])
        return result.out

    return run


@pytest.mark.skipif(sys.platform == "win32", reason="the pages use make and Unix paths")
@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_of_a_page_run(page: Path, shell: Callable[[str], str]) -> None:
    namespace: dict[str, Any] = {}
    for block in filter(is_runnable, blocks_of(page)):
        if block.language == "python":
            exec(re.sub(r"minutes=\d+", PYTHON_TINY, block.body), namespace)
        elif block.language == "toml":
            tomllib.loads(block.body)
        else:
            run_commands(block, shell)


def run_commands(block: Block, shell: Callable[[str], str]) -> None:
    """Run the commands of a block, and compare their output with the output that the page shows.

    Shown output that ends with a line `...` is the beginning of the output.
    """
    assert block.language in ("", "console"), f"no rule for a block of {block.language}"
    for line, expected in block.commands():
        if "--resume" in line:
            shell(shorten(INTERRUPTED_RUN))
        for command in line.split(" ; "):
            command = shorten(command.strip())
            plugin = re.search(r"--plugin (\w+)", command)
            if command.startswith("seqforge train") and plugin and "--corpus" not in command:
                command += f" --corpus {CORPUS_FOLDERS[plugin[1]]}" if plugin[1] in CORPUS_FOLDERS else ""
            output = shell(command)
        if expected.endswith("\n..."):
            assert output.startswith(expected.removesuffix("...")), (line, output)
        elif expected:
            assert output.rstrip("\n") == expected, (line, output)


def test_the_pages_run_many_commands() -> None:
    assert {ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "index.md", USAGE} <= set(RUN_PAGES)
    assert len(RUN_PAGES) >= 7
    commands = [command for page in RUN_PAGES for block in blocks_of(page) for command, _ in block.commands()]
    assert sum(command.startswith("seqforge ") for command in commands) > 40


def test_greedy_of_the_usage_page_equals_greedy_generation(workspace: Path) -> None:
    (block,) = [block for block in blocks_of(USAGE) if "def greedy" in block.body]
    namespace: dict[str, Any] = {}
    exec(block.body, namespace)
    model, prompt = seqforge.load("text:default"), "To be, or not to b"
    text = namespace["greedy"](model, prompt, 3)
    assert text.startswith(prompt) and len(text) == len(prompt) + 3
    assert text == model.generate(prompt=prompt, greedy=True, length=len(text))[0].content
    assert sum(model.next("To be").values()) == pytest.approx(1)


def test_error_of_the_usage_page_prints_what_the_page_shows(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = [block.body for block in blocks_of(USAGE) if block.language == "python"][-1]
    expected = re.findall(r"  # (.+)$", body, re.MULTILINE)
    exec(body, {"seqforge": seqforge, "model": seqforge.load("text:default")})
    assert capsys.readouterr().out.splitlines() == expected
    assert expected[0].startswith("top_p 1.5 ")

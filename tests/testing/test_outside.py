"""Packages of others: one that `plugins new` has written, and the examples: installed, checked, trained, sampled."""

import io
import json
import math
import shutil
import struct
import sys
import tokenize
import wave
from pathlib import Path

import pytest

from seqforge.corpus import find_corpus

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from outside import Outside  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    (tmp_path / "work").mkdir()
    return Outside(tmp_path / "work", tmp_path / "site")


def test_a_new_plugin_installs_passes_its_tests_trains_and_generates(outside: Outside) -> None:
    told = outside.seqforge("plugins", "new", "sea-shanties", "--suffix", ".shanty")
    package = outside.folder / "seqforge-sea-shanties"
    assert [line.partition("/")[2] for line in told.stdout.splitlines()] == [
        "README.md",
        "pyproject.toml",
        "src/seqforge_sea_shanties/__init__.py",
        "src/seqforge_sea_shanties/samples/corpus.toml",
        "src/seqforge_sea_shanties/samples/first.shanty",
        "tests/test_contract.py",
    ]
    outside.install(package)
    assert "22 passed, 5 skipped" in outside.tests(package)
    assert outside.seqforge("plugins", "check", "sea-shanties", "--only", "round_trip").stdout.startswith("ok")
    assert "sea-shanties" in outside.seqforge("corpora").stdout
    outside.train("sea-shanties")
    outside.seqforge("generate", "--model", "run", "--prompt", "the fox", "--length", "60", "-o", "new.shanty")
    assert (outside.folder / "new.shanty").read_text().startswith("the fox")


def test_what_is_written_keeps_the_rules_of_this_house(tmp_path: Path) -> None:
    import subprocess

    from seqforge.scaffold import new_plugin

    new_plugin("chess", suffix=".pgn", folder=tmp_path / "new")
    config = str(Path(__file__).parents[2] / "pyproject.toml")
    for words in (
        ["ruff", "check", "--config", config],
        ["ruff", "format", "--check", "--config", config],
        ["mypy", "--strict"],
    ):
        place = tmp_path / "new" / "src" / "seqforge_chess"
        done = subprocess.run(
            [sys.executable, "-m", *words, str(place)], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout


def tone(path: Path, *, hertz: float, width: int, channels: int, rate: int = 8000, seconds: float = 0.3) -> None:
    heights = [0.4 * math.sin(2 * math.pi * hertz * at / rate) for at in range(int(seconds * rate))]
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        for height in heights:
            whole = struct.pack("<i", round(height * (2**31 - 1)))
            file.writeframes((whole[-width:] if width > 1 else bytes([round(height * 127) + 128])) * channels)


def decibels(path: Path) -> float:
    """The root mean square of a file of 16 bits."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        heights = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))
    return 10 * math.log10(sum(h * h for h in heights) / len(heights) / 32768**2)


def installed(outside: Outside, example: str) -> str:
    """Install a copy of an example beside an empty folder for samples, and return what its own tests said."""
    package = outside.folder / example
    shutil.copytree(EXAMPLES / example, package)
    outside.install(package)
    (outside.folder / "samples").mkdir()
    return outside.tests(package)


def test_the_sound_example_is_a_plugin_in_under_100_lines(outside: Outside) -> None:
    assert "22 passed, 5 skipped" in installed(outside, "sound")
    samples = outside.folder / "samples"
    for number in range(24):
        tone(samples / f"{number}.wav", hertz=220 + 20 * number, width=1 + number % 4, channels=1 + number % 2)
    only = [word for name in ("round_trip", "written_files_read_back") for word in ("--only", name)]
    outside.seqforge("plugins", "check", "sound", "--samples", "samples", *only)
    outside.train("sound", "--corpus", "samples")
    for name, flags, level in (("a", [], 20 * math.log10(0.4) - 3.01), ("b", ["--level", "-30"], -30.0)):
        outside.seqforge("generate", "--model", "run", "--seconds", "0.5", *flags, "-o", f"{name}.wav")
        with wave.open(str(outside.folder / f"{name}.wav"), "rb") as file:
            assert file.getframerate() == 4000 and file.getnframes() == 2000
        assert decibels(outside.folder / f"{name}.wav") == pytest.approx(level, abs=0.3)


def test_the_phonemes_example_pronounces_what_it_is_asked(outside: Outside) -> None:
    assert "26 passed, 4 skipped" in installed(outside, "phonemes")
    samples = outside.folder / "samples"
    (cmudict,) = (path for path in find_corpus("cmudict").paths() if path.parent.name == "valid")
    lines = cmudict.read_text(encoding="utf-8").splitlines(keepends=True)
    (samples / "some.dict").write_text("".join(lines[::20]), encoding="utf-8")
    only = [word for name in ("round_trip", "constraint_keeps_its_laws") for word in ("--only", name)]
    outside.seqforge("plugins", "check", "phonemes", "--samples", "samples", *only)
    outside.train("phonemes", "--corpus", "samples")
    told = json.loads(outside.seqforge("info", "run", "--json").stdout)
    assert told["network"]["encoder"] == 128, "symbols from symbols: what is attended to is read first"
    asked = ["generate", "--model", "run", "--words", "Photo fox", "--quiet"]
    for name, flags in (("drawn", []), ("greedy", ["--greedy"]), ("beam", ["--beams", "4"])):
        outside.seqforge(*asked, *flags, "-o", f"{name}.dict")
        said = [line.split() for line in (outside.folder / f"{name}.dict").read_text().splitlines()]
        assert [word for word, *_ in said] == ["photo", "fox"] and all(len(entry) > 1 for entry in said), said
    outside.seqforge(*asked, "--beams", "4", "-n", "2", "-o", "book.dict")
    assert (outside.folder / "book.dict").read_text().split("\n")[2].startswith("photo(2) ")
    assert "per phoneme" in outside.seqforge("evaluate", "run", "--corpus", "samples", "--split", "valid").stdout


@pytest.mark.parametrize("example", ["sound", "phonemes"])
def test_an_example_has_under_100_lines_of_code_and_is_not_imported_by_the_core(example: str) -> None:
    (module,) = (EXAMPLES / example / "src").glob("*/__init__.py")
    assert 40 < lines_of_code(module.read_text(encoding="utf-8")) < 100
    core = Path(__file__).parents[2] / "seqforge"
    assert not [path for path in core.rglob("*.py") if f"seqforge_{example}" in path.read_text(encoding="utf-8")]


def lines_of_code(text: str) -> int:
    """Lines that hold more than a comment, a docstring or nothing."""
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in quiet and not token.string.startswith('"""'):
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)

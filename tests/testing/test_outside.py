"""Third-party packages: one that `plugins new` wrote, and the examples: installed, checked, trained and sampled."""

import io
import json
import math
import shutil
import struct
import subprocess
import sys
import tokenize
import wave
from pathlib import Path

import chess
import chess.pgn
import gcodeparser
import pytest

from seqforge.corpus import find_corpus
from seqforge.scaffold import KIND_NAMES, new_plugin

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from outside import Outside  # noqa: E402
from typechecking import run_mypy  # noqa: E402

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    (tmp_path / "work").mkdir()
    return Outside(tmp_path / "work", tmp_path / "site")


def test_new_plugin_installs_passes_its_tests_trains_and_generates(outside: Outside) -> None:
    process = outside.seqforge("plugins", "new", "sea-shanties", "--suffix", ".shanty")
    package = outside.folder / "seqforge-sea-shanties"
    assert [line.partition("/")[2] for line in process.stdout.splitlines()] == [
        "LICENSE",
        "README.md",
        ".github/workflows/check.yml",
        "pyproject.toml",
        "src/seqforge_sea_shanties/__init__.py",
        "src/seqforge_sea_shanties/samples/corpus.toml",
        "src/seqforge_sea_shanties/samples/first.shanty",
        "tests/test_contract.py",
    ]
    outside.install(package)
    assert "23 passed, 12 skipped" in outside.tests(package)
    assert outside.seqforge("plugins", "check", "sea-shanties", "--only", "round_trip").stdout.startswith("ok")
    assert "sea-shanties" in outside.seqforge("corpora").stdout
    outside.train("sea-shanties")
    outside.seqforge("generate", "--model", "run", "--prompt", "the fox", "--length", "60", "-o", "new.shanty")
    assert (outside.folder / "new.shanty").read_text().startswith("the fox")


@pytest.mark.parametrize("kind", ["vectors", "pairs"])
def test_new_plugin_of_another_kind_passes_the_check_and_generates(outside: Outside, kind: str) -> None:
    outside.seqforge("plugins", "new", "toy", "--suffix", ".toy", "--kind", kind)
    outside.install(outside.folder / "seqforge-toy")
    outside.seqforge("plugins", "check", "toy")
    outside.train("toy")
    flags = ["--side", "50"] if kind == "vectors" else ["--source", "dog fox moon"]
    outside.seqforge("generate", "--model", "run", *flags, "--max-steps", "40", "-n", "2", "-o", "new.toy")
    lines = (outside.folder / "new.toy").read_text().splitlines()
    if kind == "vectors":
        points = [tuple(map(int, line.split())) for line in lines if line]
        assert points and all(0 <= x <= 50 and 0 <= y <= 50 for x, y, _ in points)
    else:
        assert [line.partition("\t")[0] for line in lines] == ["dog fox moon"] * 2


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_new_plugin_passes_the_linters_of_this_repository(tmp_path: Path, mypy_cache: Path, kind: str) -> None:
    new_plugin("chess", suffix=".pgn", folder=tmp_path / "new", kind=kind)
    package = tmp_path / "new" / "src" / "seqforge_chess"
    config = str(ROOT / "pyproject.toml")
    for command in (["ruff", "check", "--config", config], ["ruff", "format", "--check", "--config", config]):
        process = subprocess.run(
            [sys.executable, "-m", *command, str(package)], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert process.returncode == 0, process.stdout
    process = run_mypy(mypy_cache, package, cwd=tmp_path)
    assert process.returncode == 0, process.stdout + process.stderr


def write_tone(path: Path, *, hertz: float, width: int, channels: int, rate: int = 8000, seconds: float = 0.3) -> None:
    """Write a sine tone of amplitude 0.4 as a WAV file with samples of `width` bytes."""
    samples = [0.4 * math.sin(2 * math.pi * hertz * index / rate) for index in range(int(seconds * rate))]
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        for sample in samples:
            frame = struct.pack("<i", round(sample * (2**31 - 1)))
            file.writeframes((frame[-width:] if width > 1 else bytes([round(sample * 127) + 128])) * channels)


def rms_level(path: Path) -> float:
    """Return the root mean square of a mono 16-bit WAV file in dB relative to full scale."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))
    return 10 * math.log10(sum(sample * sample for sample in samples) / len(samples) / 32768**2)


def install_example(outside: Outside, example: str) -> str:
    """Install a copy of an example, make an empty folder for samples, and return the last line of its own tests."""
    package = outside.folder / example
    shutil.copytree(EXAMPLES / example, package)
    outside.install(package)
    (outside.folder / "samples").mkdir()
    return outside.tests(package)


def test_sound_example_trains_and_generates_at_the_requested_level(outside: Outside) -> None:
    assert "23 passed, 12 skipped" in install_example(outside, "sound")
    samples = outside.folder / "samples"
    for number in range(24):
        path = samples / f"{number}.wav"
        write_tone(path, hertz=220 + 20 * number, width=1 + number % 4, channels=1 + number % 2)
    only = ["--only", "round_trip", "--only", "written_files_read_back"]
    outside.seqforge("plugins", "check", "sound", "--samples", "samples", *only)
    outside.train("sound", "--corpus", "samples")
    amplitude = 20 * math.log10(0.4) - 3.01
    for name, flags, level in (("default", [], amplitude), ("quiet", ["--level", "-30"], -30.0)):
        outside.seqforge("generate", "--model", "run", "--seconds", "0.5", *flags, "-o", f"{name}.wav")
        with wave.open(str(outside.folder / f"{name}.wav"), "rb") as file:
            assert file.getframerate() == 4000 and file.getnframes() == 2000
        assert rms_level(outside.folder / f"{name}.wav") == pytest.approx(level, abs=0.3)


def test_phonemes_example_pronounces_the_requested_words(outside: Outside) -> None:
    assert "28 passed, 11 skipped" in install_example(outside, "phonemes")
    samples = outside.folder / "samples"
    (cmudict,) = (path for path in find_corpus("cmudict").paths() if path.parent.name == "valid")
    lines = cmudict.read_text(encoding="utf-8").splitlines(keepends=True)
    (samples / "words.dict").write_text("".join(lines[::20]), encoding="utf-8")
    only = ["--only", "round_trip", "--only", "constraint_follows_its_laws"]
    outside.seqforge("plugins", "check", "phonemes", "--samples", "samples", *only)
    outside.train("phonemes", "--corpus", "samples")
    info = json.loads(outside.seqforge("info", "run", "--json").stdout)
    assert info["network"]["encoder_units"] == 128, "a source of symbols is encoded before attention"
    generate = ["generate", "--model", "run", "--words", "Photo fox", "--quiet"]
    for name, flags in (("sampled", []), ("greedy", ["--greedy"]), ("beam", ["--beams", "4"])):
        outside.seqforge(*generate, *flags, "-o", f"{name}.dict")
        entries = [line.split() for line in (outside.folder / f"{name}.dict").read_text().splitlines()]
        assert [word for word, *_ in entries] == ["photo", "fox"], entries
        assert all(len(entry) > 1 for entry in entries), entries
    outside.seqforge(*generate, "--beams", "4", "-n", "2", "-o", "two.dict")
    assert (outside.folder / "two.dict").read_text().split("\n")[2].startswith("photo(2) ")
    assert "per phoneme" in outside.seqforge("evaluate", "run", "--corpus", "samples", "--split", "valid").stdout


def test_chess_example_generates_games_that_python_chess_accepts(outside: Outside) -> None:
    assert "25 passed, 12 skipped" in install_example(outside, "chess")
    board, games = chess.Board(), []
    for move in ["e4", "e5", "Nf3", "Nc6", "Bb5", "a6", "Ba4", "Nf6", "O-O", "Be7", "Re1", "b5"]:
        board.push_san(move)
        games.append(str(chess.pgn.Game.from_board(board)))
    (outside.folder / "samples" / "ruy.pgn").write_text("\n\n".join(games) + "\n")
    outside.train("chess", "--corpus", "samples")
    outside.seqforge("generate", "--model", "run", "--opening", "d4 d5", "--length", "30", "-n", "3", "-o", "new.pgn")
    with (outside.folder / "new.pgn").open() as file:
        read = list(iter(lambda: chess.pgn.read_game(file), None))
    assert len(read) == 3 and not [error for game in read for error in game.errors]
    for game in read:
        assert [node.san() for node in game.mainline()][:2] == ["d4", "d5"]


def test_gcode_example_stays_on_the_bed_that_is_requested(outside: Outside) -> None:
    assert "25 passed, 12 skipped" in install_example(outside, "gcode")
    for number in range(24):
        moves = [f"G{step % 4 > 0:d} X{10 + 5 * step % 97} Y{20 + 7 * step % (50 + number)}" for step in range(20)]
        (outside.folder / "samples" / f"{number}.gcode").write_text("\n".join([*moves, "M2"]) + "\n")
    outside.train("gcode", "--corpus", "samples")
    space = json.loads(outside.seqforge("info", "run", "--json").stdout)["space"]
    assert [round(scale) for _, scale in space["standardisation"]] != [1, 1]
    flags = ["--width", "60", "--height", "40", "--max-steps", "50", "-n", "4"]
    outside.seqforge("generate", "--model", "run", *flags, "-o", "new.gcode")
    text = (outside.folder / "new.gcode").read_text()
    lines = list(gcodeparser.parse_gcode_lines(text))
    moves = [line for line in lines if line.command in {("G", 0), ("G", 1)}]
    assert [line.command for line in lines].count(("M", 2)) == 4 and 4 <= len(moves) <= 200
    assert all(0 <= line.params["X"] <= 60 and 0 <= line.params["Y"] <= 40 for line in moves)
    assert len({(line.params["X"], line.params["Y"]) for line in moves}) > 4


@pytest.mark.parametrize("example", ["sound", "phonemes", "chess", "gcode"])
def test_example_is_short_and_is_not_imported_by_the_core(example: str) -> None:
    (module,) = (EXAMPLES / example / "src").glob("*/__init__.py")
    assert 40 < count_code_lines(module.read_text(encoding="utf-8")) < 120
    paths = (ROOT / "seqforge").rglob("*.py")
    assert not [path for path in paths if f"import seqforge_{example}" in path.read_text(encoding="utf-8")]


def count_code_lines(text: str) -> int:
    """Return the number of lines without blank lines, comments and docstrings."""
    ignored = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in ignored and not token.string.startswith('"""'):
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)

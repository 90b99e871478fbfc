import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from abc_tunes import A, B, C, D, note, tune

from seqforge import ChildProcess, WriteError
from seqforge_abc import engraving
from seqforge_abc.export import write_svg
from seqforge_abc.tune import BarLine, ChordSymbol, Ending


def test_svg_page_contains_every_tune_with_its_title(tmp_path: Path) -> None:
    path = tmp_path / "a.tmp"
    bar = (A, B, C, D)
    music = (BarLine("|:"), *bar, BarLine("|"), Ending("1"), *bar, BarLine(":|"), Ending("2"), *bar, BarLine("||"))
    first = tune(*music, title="Kid & <Play>", rhythm="reel")
    write_svg([first, tune(A, BarLine("|]"))], path)
    root = ElementTree.parse(path).getroot()
    assert re.fullmatch(r"\d+px", root.get("width", ""))
    assert re.fullmatch(r"\d+px", root.get("height", ""))
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Kid & <Play>", "reel", "Untitled"} <= set(texts)
    assert {"1", "2"} <= {text.strip() for text in texts}
    assert not re.search(r'["\s,(]-?(nan|inf)["\s,)]', path.read_text(), re.IGNORECASE)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    if program := shutil.which("rsvg-convert"):
        picture = subprocess.run([program, str(path)], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
        assert picture.startswith(b"\x89PNG")


def test_accidentals_of_chord_symbols_need_no_music_font(tmp_path: Path) -> None:
    music = (
        note("C", 2, chord_symbol=ChordSymbol(-2, "maj7")),
        note("C", 2, chord_symbol=ChordSymbol(6, "m7")),
        BarLine("|]"),
    )
    write_svg([tune(*music)], tmp_path / "a")
    texts = ["".join("".join(element.itertext()).split()) for element in ElementTree.parse(tmp_path / "a").iter()]
    assert {"B♭maj7", "F♯m7"} <= set(texts)


def test_svg_is_reproducible(tmp_path: Path) -> None:
    write_svg([tune(A, B, BarLine("|]"))], tmp_path / "a")
    write_svg([tune(A, B, BarLine("|]"))], tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("def engrave(*arguments): os.kill(os.getpid(), signal.SIGSEGV)", "crashed (signal 11)"),
        ("def engrave(*arguments): time.sleep(60)", "took more than 1 seconds"),
        ("def engrave(*arguments): raise ValueError('no music')", "failed (ValueError: no music)"),
        ("def engrave(*arguments): return ['<svg width=\"nan\">']", "drew an invalid picture"),
    ],
)
def test_a_failure_of_verovio_names_the_tune(
    function: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other_engraver.py").write_text(f"import os, signal, time\n{function}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(engraving, "_engraver", ChildProcess("other_engraver", "engrave"))
    monkeypatch.setattr(engraving, "TIMEOUT", 1 if "sleep" in function else 60)
    with pytest.raises(WriteError, match=re.escape(reason)) as caught:
        write_svg([tune(A, title="Odd"), tune(B)], tmp_path / "a")
    assert "'Odd', tune 1 of 2" in str(caught.value)
    assert not (tmp_path / "a").exists()

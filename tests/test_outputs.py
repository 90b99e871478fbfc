"""The same seed gives the same files: hashes of a few outputs of every model that ships.

A change that is meant to keep behaviour keeps these hashes. A change that is meant to change outputs (a model that is
trained again, another constraint) replaces them and says so in its commit message. The hashes cover content that is
chosen step by step among symbols, so they do not depend on the last bits of a processor's arithmetic; of handwriting,
whose steps are real numbers, the number of points of each stroke is hashed and the extent is compared.
"""

import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge

CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("text:default", ".txt", "text prompt", {"prompt": "ROMEO:", "length": 300, "seed": 4}),
    ("text:default", ".txt", "text filters", {"length": 200, "seed": 1, "temperature": 0.8, "top_p": 0.9, "dry": 0.8}),
    ("text:default", ".txt", "text beams", {"prompt": "To be", "length": 40, "beams": 4}),
    ("abc:default", ".abc", "abc jig", {"key": "D", "meter": "6/8", "rhythm": "jig", "bars": 16, "seed": 1}),
    ("abc:default", ".mid", "abc as MIDI", {"key": "Edor", "meter": "C", "rhythm": "reel", "seed": 2}),
    ("abc:default", ".abc", "abc infill", {"key": "D", "meter": "6/8", "prompt": "|:DED F2A|*2|d2e f2g|", "seed": 3}),
    ("midi:songs", ".mid", "midi song", {"bars": 8, "seed": 1}),
    ("midi:chorales", ".mid", "midi chorale", {"bars": 6, "seed": 1, "bpm": 90}),
    ("midi:voices", ".mid", "midi voices", {"bars": 4, "seed": 1, "key": "Bb", "rules": "strict"}),
    ("midi:drums", ".mid", "midi drums", {"bars": 4, "labels": {"style": "funk"}, "bpm": 100, "seed": 2}),
]
HASHES = {
    "text prompt": "93b3d7c768e1f0e1",
    "text filters": "7d7260e96e358b26",
    "text beams": "1095d3ca78bf8295",
    "abc jig": "657ac05f39c9bea1",
    "abc as MIDI": "290a86d8119466dc",
    "abc infill": "da15d9c41a67f444",
    "midi song": "4b59551d7b0f9214",
    "midi chorale": "a1180e68581349e2",
    "midi voices": "02c6a3da5087c0bb",
    "midi drums": "503808d99b7d7010",
}


@pytest.fixture(scope="module")
def load() -> Any:
    return functools.cache(seqforge.load)


def digest(model: Any, suffix: str, request: dict[str, Any], folder: Path) -> str:
    pieces = [dataclasses.replace(piece, origin=None) for piece in model.generate(2, **request)]
    parts = []
    for number, piece in enumerate(pieces):
        path = folder / f"{number}{suffix}"
        model.plugin.write([piece], path)
        parts.append(path.read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@pytest.mark.parametrize(("model", "suffix", "name", "request_"), CASES, ids=[case[2] for case in CASES])
def test_the_same_seed_gives_the_same_files(
    model: str, suffix: str, name: str, request_: dict[str, Any], load: Any, tmp_path: Path
) -> None:
    assert digest(load(model), suffix, request_, tmp_path) == HASHES[name]


def test_handwriting_has_the_same_strokes(load: Any) -> None:
    model = load("handwriting:default")
    piece = model.generate(1, text="The quick brown fox", style="w014", seed=1)[0]
    counts = [len(stroke) for stroke in piece.content.strokes]
    assert counts == [2, 4, 7, 9, 18, 8, 2, 2, 5, 2, 5, 3, 8, 6, 10, 12, 9, 4, 2, 3, 9, 3, 2]
    assert np.ptp(piece.content.points, axis=0) == pytest.approx([74.5433, 12.3173], abs=0.01)

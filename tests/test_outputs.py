"""The same seed gives the same files: hashes of a few outputs of every model that ships.

A change that is meant to keep behaviour keeps these hashes. A change that is meant to change outputs (a model that is
trained again, another constraint) replaces them and says so in its commit message. The hashes cover content that is
chosen step by step among symbols, so they do not depend on the last bits of a processor's arithmetic; of handwriting,
whose steps are real numbers, the number of points of each stroke is hashed and the extent is compared.
"""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge.api import choose

CASES: list[tuple[str, str, str | None, str, dict[str, Any]]] = [
    ("text", ".txt", None, "text prompt", {"prompt": "ROMEO:", "length": 300, "seed": 4}),
    ("text", ".txt", None, "text filters", {"length": 200, "seed": 1, "temperature": 0.8, "top_p": 0.9, "dry": 0.8}),
    ("text", ".txt", None, "text beams", {"prompt": "To be", "length": 40, "beams": 4}),
    ("abc", ".abc", None, "abc jig", {"key": "D", "meter": "6/8", "rhythm": "jig", "bars": 16, "seed": 1}),
    ("abc", ".mid", None, "abc as MIDI", {"key": "Edor", "meter": "C", "rhythm": "reel", "seed": 2}),
    ("abc", ".abc", None, "abc infill", {"key": "D", "meter": "6/8", "prompt": "|:DED F2A|*2|d2e f2g|", "seed": 3}),
    ("midi", ".mid", "songs", "midi song", {"bars": 8, "seed": 1}),
    ("midi", ".mid", "chorales", "midi chorale", {"bars": 6, "seed": 1, "bpm": 90}),
    ("midi", ".mid", "drums", "midi drums", {"bars": 4, "where": {"style": "funk"}, "bpm": 100, "seed": 2}),
]
HASHES = {
    "text prompt": "c175a06f877e1da0",
    "text filters": "e63da8805a51d1c5",
    "text beams": "05929a48ce4f6452",
    "abc jig": "b241d0dcdfed744b",
    "abc as MIDI": "1533c9dda58dba45",
    "abc infill": "78a998b2cd2a4fa5",
    "midi song": "7780cc2dc21a3f62",
    "midi chorale": "cfee876cf8373e27",
    "midi drums": "3b9556a0919f89ac",
}


@pytest.fixture(scope="module")
def load() -> Any:
    models: dict[tuple[str, str | None], Any] = {}

    def get(plugin: str, name: str | None) -> Any:
        if (plugin, name) not in models:
            models[plugin, name] = seqforge.load(choose(plugin, name or "shipped")[0])
        return models[plugin, name]

    return get


def digest(model: Any, suffix: str, request: dict[str, Any], folder: Path) -> str:
    pieces = [dataclasses.replace(piece, origin=None) for piece in model.generate(2, **request)]
    parts = []
    for number, piece in enumerate(pieces):
        path = folder / f"{number}{suffix}"
        model.plugin.write([piece], path)
        parts.append(path.read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@pytest.mark.parametrize(("plugin", "suffix", "model", "name", "request_"), CASES, ids=[case[3] for case in CASES])
def test_the_same_seed_gives_the_same_files(
    plugin: str, suffix: str, model: str | None, name: str, request_: dict[str, Any], load: Any, tmp_path: Path
) -> None:
    assert digest(load(plugin, model), suffix, request_, tmp_path) == HASHES[name]


def test_handwriting_has_the_same_strokes(load: Any) -> None:
    model = load("handwriting", None)
    piece = model.generate(1, text="The quick brown fox", style="w014", seed=1)[0]
    counts = [len(stroke) for stroke in piece.content.strokes]
    assert counts == [2, 3, 9, 10, 13, 6, 2, 2, 7, 3, 4, 8, 3, 4, 7, 6, 6, 7, 2, 9, 3, 3]
    assert np.ptp(piece.content.points, axis=0) == pytest.approx([58.4576, 8.5147], abs=0.01)

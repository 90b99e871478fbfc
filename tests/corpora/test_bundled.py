import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge_corpora
from seqforge.corpus import Corpus, PreparedCorpus, find_sources, installed_corpora, prepare
from seqforge.plugin import Piece, registry

FOLDER = Path(seqforge_corpora.__file__).parent
BUNDLED = sorted(path.parent.name for path in FOLDER.glob("*/corpus.toml"))
READ = [name for name in BUNDLED if name != "cmudict"]
"""Those whose plugin stands here; cmudict's is an example (tests/testing/test_outside.py)."""
LICENCES = {"MIT", "BSD-2-Clause", "CC0-1.0", "CC-BY-4.0", "LicenseRef-public-domain"}

# Pieces a side, and a digest of what stands on each: a fixed split never moves.
SPLITS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "cre": {
        "train": (1_119, "a60e6722ee8eafa8"),
        "valid": (48, "9aa7bb07997207c0"),
        "test": (55, "3a8dec0e2291c39d"),
    },
    "groove": {
        "train": (152, "bbfb77bf11060a87"),
        "valid": (14, "f26d8b7c94364d9e"),
        "test": (34, "de96b37fcfd452c2"),
    },
    "jsb": {
        "train": (229, "7a3c8e2231b2190d"),
        "valid": (76, "b6a4d340a25604da"),
        "test": (77, "b433d5828b6e7688"),
    },
    "lieder": {
        "train": (196, "085eef8733448c42"),
        "valid": (9, "fcb1817a67d5da87"),
        "test": (8, "25d29d6e7b9e87c7"),
    },
    "names": {
        "train": (18_087, "2da649887f40e449"),
        "valid": (991, "f31780f95c63b356"),
        "test": (972, "7f0473dda8a0c1f3"),
    },
    "oneills1850": {
        "train": (1_802, "e44caebb5984cda3"),
        "valid": (93, "8c5191ee28d4590a"),
        "test": (96, "513bbad5127a5fe8"),
    },
    "ryans": {
        "train": (952, "d9d13cdfbfbadfd9"),
        "valid": (48, "3488e9367f082649"),
        "test": (40, "7ad3a53a09cf4cd3"),
    },
    "tinyshakespeare": {
        "train": (1, "d26da105b231c2b0"),
        "valid": (1, "65c9c7bd12c66571"),
        "test": (0, "e3b0c44298fc1c14"),
    },
    "unipen": {
        "train": (1_957, "ef9dbac488613aea"),
        "valid": (133, "766f049ec4dc1316"),
        "test": (157, "398ea18ef80e216d"),
    },
}


def corpus(name: str) -> Corpus:
    return next(each for each in installed_corpora() if each.name == name)


def prepared(name: str) -> PreparedCorpus:
    found = corpus(name)
    plugin = registry.load(found.domain)
    sources = find_sources([name], reads=plugin.reads, domain=plugin.name)
    return prepare(plugin, plugin.Options(**found.options), sources, workers=1)


def pieces(found: PreparedCorpus, side: str) -> list[Piece]:
    data = found.datasets[side]
    return [found.codec.decode(data.example(number)) for number in range(len(data))]


def digest(all_pieces: list[Piece]) -> str:
    rows = sorted(f"{sorted(piece.labels.items())} {written(piece.content)}" for piece in all_pieces)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def written(content: Any) -> str:
    if hasattr(content, "strokes"):
        return f"{content.text} {(content.points.round(1) + 0.0).tolist()}"
    notes = getattr(content, "notes", None)
    return str(notes.tolist() if isinstance(notes, np.ndarray) else content)


def test_tinyshakespeare_and_names_are_bundled() -> None:
    assert {"names", "tinyshakespeare"} <= set(BUNDLED)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_corpus_is_announced_under_its_folder_s_name(name: str) -> None:
    assert corpus(name).folder.name == name


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_corpus_has_every_field(name: str) -> None:
    told: dict[str, Any] = tomllib.loads((FOLDER / name / "corpus.toml").read_text())
    for field in ("name", "domain", "summary", "licence", "source", "attribution"):
        assert isinstance(told[field], str) and told[field].strip(), field
    assert re.search(r"https://\S+, commit [0-9a-f]{7}|\d+\.\d+\.\d+, \S+", told["source"]), "a source of one version"
    assert told["split"]["kind"] and told["counts"]
    assert told["licence"] in LICENCES
    assert told["files"]


@pytest.mark.parametrize("name", BUNDLED)
def test_a_licence_that_asks_for_its_text_has_it_beside_the_data(name: str) -> None:
    asked = {"MIT": "Permission is hereby granted", "BSD-2-Clause": "Redistribution and use in source and binary forms"}
    licence = corpus(name).licence
    assert licence not in asked or asked[licence] in (FOLDER / name / "LICENSE").read_text()


@pytest.mark.parametrize("name", READ)
def test_counts_are_true(name: str) -> None:
    found = corpus(name)
    plugin = registry.load(found.domain)
    read = [p for path in found.paths() for p in plugin.read(path, plugin.Options(**found.options))]
    assert all(isinstance(piece, Piece) for piece in read)
    songs = [piece.content.notes for piece in read if isinstance(getattr(piece.content, "notes", None), np.ndarray)]
    texts = [piece.content for piece in read if isinstance(piece, Piece) and isinstance(piece.content, str)]
    inks = [piece.content for piece in read if hasattr(piece.content, "strokes")]
    measured = {
        "files": len(found.paths()),
        "pieces": len(read),
        "tunes": len(read),
        "chorales": len(read),
        "songs": len(read),
        "beats": len(read),
        "notes": sum(map(len, songs)),
        "characters": sum(map(len, texts)),
        "distinct_characters": len(set().union(*texts)),
        "samples": len(read),
        "writers": len({piece.labels["writer"] for piece in read if "writer" in piece.labels}),
        "points": sum(len(ink.points) for ink in inks),
    }
    if inks:
        measured["characters"] = sum(len(ink.text) for ink in inks)
    assert found.counts and set(found.counts) <= set(measured)
    assert dict(found.counts) == {key: measured[key] for key in found.counts}


@pytest.mark.parametrize("name", READ)
def test_the_fixed_split_has_not_moved(name: str) -> None:
    found = prepared(name)
    sides = {side: pieces(found, side) for side in found.datasets}
    assert {side: (len(on), digest(on)) for side, on in sides.items()} == SPLITS[name]


def test_tinyshakespeare_is_split_as_published() -> None:
    found = prepared("tinyshakespeare")
    assert len(pieces(found, "train")[0].content) == 1_003_854
    assert len(pieces(found, "valid")[0].content) == 111_540
    text = corpus("tinyshakespeare").paths()[0].read_text(encoding="utf-8")
    assert pieces(found, "train")[0].content + pieces(found, "valid")[0].content == text


def test_no_name_stands_on_two_sides() -> None:
    found = prepared("names")
    sides = [{piece.content.casefold() for piece in pieces(found, side)} for side in found.datasets]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


def test_every_language_is_in_train() -> None:
    labels = {piece.labels["language"] for piece in pieces(prepared("names"), "train")}
    assert len(labels) == 18


def test_exactly_one_corpus_is_the_default_of_text() -> None:
    assert [each.name for each in installed_corpora() if each.default and each.domain == "text"] == ["tinyshakespeare"]


def test_cmudict_is_split_by_word_for_good() -> None:
    told, entries = corpus("cmudict").counts, {}
    for side in ("train", "valid", "test"):
        entries[side] = (FOLDER / "cmudict" / side / "cmudict.dict").read_text(encoding="utf-8").splitlines()
    words = {side: {re.sub(r"\(\d+\)$", "", line.split()[0]) for line in lines} for side, lines in entries.items()}
    assert {side: len(found) for side, found in words.items()} == {"train": 113_484, "valid": 6_221, "test": 6_347}
    assert len(set().union(*words.values())) == sum(map(len, words.values())) == told["words"]
    assert sum(map(len, entries.values())) == told["entries"]
    for side, found in words.items():
        for word in sorted(found)[::100]:
            place = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big") / 2**64
            assert side == ("train" if place < 0.9 else "valid" if place < 0.95 else "test")

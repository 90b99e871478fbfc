import dataclasses
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
READ = [name for name in BUNDLED if name not in ("cmudict", "openscore", "groove_more")]
"""The corpora of the plugins. cmudict belongs to an example (tests/testing/test_outside.py); the others are large."""
LICENCES = {"MIT", "BSD-2-Clause", "CC0-1.0", "CC-BY-4.0", "LicenseRef-public-domain"}

# Number of pieces per split, and a digest of their content: a fixed split never changes.
SPLITS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "cre": {
        "train": (1_119, "2d08f7bc514995ff"),
        "valid": (48, "479407a35091f455"),
        "test": (55, "64612fc972077240"),
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
    "jsb16": {
        "train": (229, "c5e718f84dd20033"),
        "valid": (76, "4a0d3c1ccb570af7"),
        "test": (77, "571f47005fdf5bd9"),
    },
    "lieder": {
        "train": (197, "2597c5817863154d"),
        "valid": (8, "e68eab5359677147"),
        "test": (8, "35428a6fc0507c51"),
    },
    "names": {
        "train": (18_087, "2da649887f40e449"),
        "valid": (991, "f31780f95c63b356"),
        "test": (972, "7f0473dda8a0c1f3"),
    },
    "oneills1850": {
        "train": (1_795, "a7abd5aa3e7464cb"),
        "valid": (93, "a1132d45b980308e"),
        "test": (96, "1e2bcdaa890f7e0d"),
    },
    "ryans": {
        "train": (950, "5556fb136009a21f"),
        "valid": (48, "ae67f8084ab79f9b"),
        "test": (40, "94ce7a87800b1548"),
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

SKIPPED = {"oneills1850": 7, "ryans": 2}
"""Tunes that are skipped: most of their bars do not fill the meter that their M: field names."""


def corpus(name: str) -> Corpus:
    return next(entry for entry in installed_corpora() if entry.name == name)


def prepare_bundled(name: str) -> PreparedCorpus:
    bundled = corpus(name)
    plugin = registry.load(bundled.domain)
    sources = find_sources([name], reads=plugin.reads, domain=plugin.name)
    return prepare(plugin, plugin.Options(**bundled.options), sources, workers=1)


def pieces(prepared: PreparedCorpus, split: str) -> list[Piece]:
    dataset = prepared.datasets[split]
    return [prepared.codec.decode(dataset.example(number)) for number in range(len(dataset))]


def digest(all_pieces: list[Piece]) -> str:
    rows = sorted(f"{sorted(piece.labels.items())} {text_of(piece.content)}" for piece in all_pieces)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def text_of(content: Any) -> str:
    """Return a content as text that does not depend on the names of classes and fields."""
    if hasattr(content, "strokes"):
        return f"{content.text} {(content.points.round(1) + 0.0).tolist()}"
    if hasattr(content, "elements"):  # a tune
        return str([(list(map(str, note.pitches)), str(note.duration)) for note in content.notes()])
    notes = getattr(content, "notes", None)
    return str([row[:5] for row in notes.tolist()] if isinstance(notes, np.ndarray) else values_of(content))


def values_of(value: Any) -> Any:
    """Return a dataclass as nested tuples of the values of its fields; a string unchanged."""
    if dataclasses.is_dataclass(value):
        return tuple(values_of(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, tuple | list):
        return tuple(map(values_of, value))
    return value if isinstance(value, str) else repr(value)


def test_tinyshakespeare_and_names_are_bundled() -> None:
    assert {"names", "tinyshakespeare"} <= set(BUNDLED)


@pytest.mark.parametrize("name", BUNDLED)
def test_name_of_bundled_corpus_is_its_folder(name: str) -> None:
    assert corpus(name).folder.name == name


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_corpus_has_all_fields(name: str) -> None:
    content: dict[str, Any] = tomllib.loads((FOLDER / name / "corpus.toml").read_text())
    for field in ("name", "domain", "summary", "licence", "source", "attribution"):
        assert isinstance(content[field], str) and content[field].strip(), field
    assert re.search(r"https://\S+, commit [0-9a-f]{7}|\d+\.\d+\.\d+, \S+", content["source"]), (
        "the source names no version"
    )
    assert content["split"]["kind"] and content["counts"]
    assert content["licence"] in LICENCES
    assert content["files"]


@pytest.mark.parametrize("name", BUNDLED)
def test_licence_text_is_included_where_required(name: str) -> None:
    required = {
        "MIT": "Permission is hereby granted",
        "BSD-2-Clause": "Redistribution and use in source and binary forms",
    }
    licence = corpus(name).licence
    assert licence not in required or required[licence] in (FOLDER / name / "LICENSE").read_text()


@pytest.mark.parametrize("name", READ)
def test_counts(name: str) -> None:
    bundled = corpus(name)
    plugin = registry.load(bundled.domain)
    items = [item for path in bundled.paths() for item in plugin.read(path, plugin.Options(**bundled.options))]
    pieces_read = [item for item in items if isinstance(item, Piece)]
    assert len(items) - len(pieces_read) == SKIPPED.get(name, 0)
    songs = [
        piece.content.notes for piece in pieces_read if isinstance(getattr(piece.content, "notes", None), np.ndarray)
    ]
    texts = [piece.content for piece in pieces_read if isinstance(piece, Piece) and isinstance(piece.content, str)]
    inks = [piece.content for piece in pieces_read if hasattr(piece.content, "strokes")]
    measured = {
        "files": len(bundled.paths()),
        "pieces": len(pieces_read),
        "tunes": len(pieces_read),
        "chorales": len(pieces_read),
        "songs": len(pieces_read),
        "beats": len(pieces_read),
        "notes": sum(map(len, songs)),
        "characters": sum(map(len, texts)),
        "distinct_characters": len(set().union(*texts)),
        "samples": len(pieces_read),
        "writers": len({piece.labels["writer"] for piece in pieces_read if "writer" in piece.labels}),
        "points": sum(len(ink.points) for ink in inks),
    }
    if inks:
        measured["characters"] = sum(len(ink.text) for ink in inks)
    assert bundled.counts and set(bundled.counts) <= set(measured)
    assert dict(bundled.counts) == {key: measured[key] for key in bundled.counts}


@pytest.mark.parametrize("name", READ)
def test_split_is_unchanged(name: str) -> None:
    prepared = prepare_bundled(name)
    splits = {split: pieces(prepared, split) for split in prepared.datasets}
    assert {split: (len(part), digest(part)) for split, part in splits.items()} == SPLITS[name]


@pytest.mark.parametrize(
    ("name", "continued", "count"), [("openscore", "lieder", 1_224), ("groove_more", "groove", 745)]
)
def test_corpus_continues_another_one_for_training(name: str, continued: str, count: int) -> None:
    bundled, other = corpus(name), corpus(continued)
    plugin, paths = registry.load("midi"), bundled.paths()
    assert len(paths) == bundled.counts["files"] == count
    assert not {path.name for path in paths} & {path.name for path in other.paths()}
    read = [list(plugin.read(path, plugin.Options())) for path in paths[::40]]
    assert all(len(items) == 1 and isinstance(items[0], Piece) and len(items[0].content.notes) for items in read)
    files = find_sources([name], reads=plugin.reads, domain="midi").files
    assert {file.split for file in files} == {"train"}


def test_tinyshakespeare_has_its_published_split() -> None:
    prepared = prepare_bundled("tinyshakespeare")
    assert len(pieces(prepared, "train")[0].content) == 1_003_854
    assert len(pieces(prepared, "valid")[0].content) == 111_540
    text = corpus("tinyshakespeare").paths()[0].read_text(encoding="utf-8")
    assert pieces(prepared, "train")[0].content + pieces(prepared, "valid")[0].content == text


def test_names_are_in_one_split() -> None:
    prepared = prepare_bundled("names")
    splits = [{piece.content.casefold() for piece in pieces(prepared, split)} for split in prepared.datasets]
    assert not splits[0] & splits[1] and not splits[0] & splits[2] and not splits[1] & splits[2]


def test_every_language_is_in_train() -> None:
    labels = {piece.labels["language"] for piece in pieces(prepare_bundled("names"), "train")}
    assert len(labels) == 18


def test_text_has_one_default_corpus() -> None:
    assert [entry.name for entry in installed_corpora() if entry.default and entry.domain == "text"] == [
        "tinyshakespeare"
    ]


def test_cmudict_is_split_by_word() -> None:
    counts, entries = corpus("cmudict").counts, {}
    for split in ("train", "valid", "test"):
        entries[split] = (FOLDER / "cmudict" / split / "cmudict.dict").read_text(encoding="utf-8").splitlines()
    words = {split: {re.sub(r"\(\d+\)$", "", line.split()[0]) for line in lines} for split, lines in entries.items()}
    assert {split: len(part) for split, part in words.items()} == {"train": 113_484, "valid": 6_221, "test": 6_347}
    assert len(set().union(*words.values())) == sum(map(len, words.values())) == counts["words"]
    assert sum(map(len, entries.values())) == counts["entries"]
    for split, part in words.items():
        for word in sorted(part)[::100]:
            fraction = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big") / 2**64
            assert split == ("train" if fraction < 0.9 else "valid" if fraction < 0.95 else "test")

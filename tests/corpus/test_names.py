"""File names that are not UTF-8, or contain control characters."""

import json
import os
import sys
import tomllib
from pathlib import Path

import pytest
from corpus_kit import prepare_corpus
from fakekit import TINY, number_rows

import seqforge
from seqforge.core.tensorfile import TensorFile, canonical_json, write_tensors
from seqforge.corpus import SourceFile
from seqforge.corpus.pieces import read_pieces
from seqforge.modelfile import read_header
from seqforge.plugin import Plugin

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8 are possible on Linux")
NAME = "caf\udce9\x1b[31m\n"
"""The name b"caf\\xe9" with an escape sequence and a line feed, as Python decodes it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus in a folder and in files whose names are not UTF-8."""
    folder = tmp_path / NAME
    folder.mkdir()
    for number in range(3):
        (folder / f"{NAME}{number}.num").write_text(number_rows(40, seed=number) + "x\n")
    return folder


@pytest.mark.parametrize("native", [False, True])
def test_corpus_with_names_that_are_not_utf8_is_prepared(
    numbers: Plugin, folder: Path, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(numbers), "native", native)
    prepared = prepare_corpus(numbers, folder)
    assert sum(prepared.report["pieces"].values()) == 120
    assert len(prepared.report["reasons"]) == 3
    for reason in prepared.report["reasons"]:
        assert "'x' is not a row of integers" in reason and "caf\\udce9" in reason
        reason.encode("utf-8")


def test_model_of_corpus_whose_name_is_not_utf8_can_be_trained_and_resumed(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    seqforge.train("numbers", corpus=str(folder), steps=4, stop_at=2, run=run, **TINY)
    model = seqforge.train("numbers", run=run, resume=True)
    assert model.path is not None
    assert read_header(model.path).provenance["corpus"] == [folder.name]
    content = (run / "config.toml").read_text(encoding="utf-8")
    assert tomllib.loads(content)["plugin"] == "numbers" and "\x1b" not in content
    assert "\\udce9" in (run / "skipped.txt").read_text(encoding="utf-8")


def test_labels_from_a_name_that_is_not_utf8(numbers: Plugin, folder: Path) -> None:
    path = next(folder.glob("*0.num"))
    pieces = list(read_pieces(numbers, numbers.Options(), SourceFile(path, {"kind": path.stem})))
    assert isinstance(pieces[0], tuple)
    assert pieces[0][0].labels["kind"].startswith("caf\\udce9")


def test_canonical_json_is_utf8_and_keeps_names(tmp_path: Path) -> None:
    text = canonical_json({"name": NAME})
    assert json.loads(text.encode("utf-8")) == {"name": NAME}
    assert os.fsencode(json.loads(text)["name"]) == b"caf\xe9\x1b[31m\n"


def test_tensor_file_in_a_folder_whose_name_is_not_utf8(folder: Path) -> None:
    write_tensors(folder / "a", {}, {"name": NAME})
    assert TensorFile(folder / "a", "file").metadata == {"name": NAME}

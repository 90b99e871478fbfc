import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import SeqforgeError
from seqforge.api.record_format import parse_records
from seqforge.core.names import check_name
from seqforge.dataset.dataset import read_manifest, write_manifest

PATHS: list[Any] = [
    "", ".", "..", "../a.txt", "/a.txt", "a/b.txt", "a/", "./a.txt", "C:a.txt", "C:\\a.txt", "..\\a.txt", "\\\\host\\a",
    "a\0b", "x" * 256, "\ud800", None, 3, ["a.txt"], {},
]  # fmt: skip


def manifest(name: Any, folder: Path) -> None:
    write_manifest(folder, ["a.safetensors"], {})
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shards": [name]}))
    read_manifest(folder)


def record(name: Any, folder: Path) -> None:
    model = {"path": "model.safetensors", "sha256": ""}
    request = {"models": ["model.safetensors"]}
    entry = {"name": name, "k": [0], "sha256": ""}
    content = {"format": 3, "request": request, "plugin": "text", "models": [model], "inputs": [], "prompts": [],
               "files": [entry], "versions": {}}  # fmt: skip
    parse_records(json.dumps(content))


READERS: dict[str, Callable[[Any, Path], Any]] = {
    "check_name": lambda name, folder: check_name(name),
    "manifest of a prepared corpus": manifest,
    "provenance record": record,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", PATHS, ids=lambda name: ascii(name)[:20])
def test_path_in_place_of_a_name_is_refused(reader: str, name: Any, tmp_path: Path) -> None:
    with pytest.raises((ValueError, SeqforgeError)):
        READERS[reader](name, tmp_path)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["0001.abc", "a b.txt", "é.svg", "...", "a..b", ".hidden", "-"])
def test_name_is_accepted(reader: str, name: str, tmp_path: Path) -> None:
    READERS[reader](name, tmp_path)


@given(st.text(max_size=40))
def test_accepted_name_stays_in_its_folder(name: str) -> None:
    try:
        check_name(name)
    except ValueError:
        return
    assert (Path("/folder") / name).parent == Path("/folder")

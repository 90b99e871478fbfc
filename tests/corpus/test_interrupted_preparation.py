"""Preparations that were interrupted, and prepared corpora with lost or damaged files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_kit import failing_encode, files_of, prepare_corpus, shards_of, write_corpus

from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.dataset import MANIFEST
from seqforge.errors import SeqforgeError
from seqforge.plugin import Plugin


@pytest.mark.usefixtures("small_chunks")
def test_interrupted_preparation_continues_and_gives_the_same_files(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_corpus(tmp_path / "corpus")
    clean = prepare_corpus(numbers, folder, cache=tmp_path / "clean")
    original = numbers.codec.encode
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(numbers.codec, "encode", failing_encode(KeyboardInterrupt(), 130, original))
        prepare_corpus(numbers, folder, cache=tmp_path / "again")
    finished = list((tmp_path / "again").rglob("encoded-*"))
    assert finished and len(finished) < len(list(clean.folder.glob("encoded-*")))
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(numbers.codec, "encode", lambda self, piece: calls.append(1) or original(self, piece))
        again = prepare_corpus(numbers, folder, cache=tmp_path / "again")
    assert files_of(again) == files_of(clean)
    assert 0 < len(calls) < 240


@pytest.mark.parametrize(
    "lost", ["manifest*", "encoded-000001*", "000001-*", "scan-000000*", "splits*", "codec*", "[!m]*"]
)
@pytest.mark.usefixtures("small_chunks")
def test_files_lost_before_the_manifest_are_restored(numbers: Plugin, tmp_path: Path, lost: str) -> None:
    folder = write_corpus(tmp_path / "corpus")
    clean = prepare_corpus(numbers, folder)
    before = files_of(clean)
    for path in [*clean.folder.glob(lost), *clean.folder.glob(MANIFEST)]:
        path.unlink(missing_ok=True)
    assert files_of(prepare_corpus(numbers, folder)) == before


@pytest.mark.parametrize("lost", ["000001-*", "codec*"])
@pytest.mark.usefixtures("small_chunks")
def test_files_lost_after_the_manifest_are_restored(numbers: Plugin, tmp_path: Path, lost: str) -> None:
    folder = write_corpus(tmp_path / "corpus")
    clean = prepare_corpus(numbers, folder)
    before = files_of(clean)
    for path in clean.folder.glob(lost):
        path.unlink()
    assert files_of(prepare_corpus(numbers, folder)) == before


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage"])
@pytest.mark.parametrize("pattern", [MANIFEST, "000000-*", "codec*", "encoded-000000*", "scan-000000*", "splits*"])
@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.usefixtures("small_chunks")
def test_damaged_file_is_restored_or_an_error(
    numbers: Plugin, tmp_path: Path, damage: str, pattern: str, complete: bool
) -> None:
    folder = write_corpus(tmp_path / "corpus", files=3)
    clean = prepare_corpus(numbers, folder)
    before = files_of(clean)
    if not complete:
        (clean.folder / MANIFEST).unlink()
    for path in clean.folder.glob(pattern):
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "garbage": b"\x07" * len(data)}[damage])
    try:
        again = prepare_corpus(numbers, folder)
    except SeqforgeError as error:
        assert "\n" not in str(error) and str(clean.folder) in str(error)
    else:
        assert shards_of(again) == {name: data for name, data in before.items() if name.startswith("0")}


REPORT_DAMAGE = [("pieces", {"train": 1}), ("pieces", 3), ("files", "x"), ("skipped", -1), ("reasons", [1]),
                 ("remarks", None), ("dropped", []), ("dropped", {"a": "b"}), ("dropped_total", 1.5)]  # fmt: skip


@pytest.mark.parametrize(("part", "value"), REPORT_DAMAGE, ids=str)
def test_manifest_with_damaged_report_is_prepared_again(numbers: Plugin, tmp_path: Path, part: str, value: Any) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    clean = prepare_corpus(numbers, folder)
    before, manifest = files_of(clean), clean.folder / MANIFEST
    content = json.loads(manifest.read_text())
    content["report"][part] = value
    manifest.write_text(json.dumps(content))
    again = prepare_corpus(numbers, folder)
    assert files_of(again) == before and again.report == clean.report


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("shards", 3),
        ("shards", ["../x"]),
        ("shards", ["x"]),
        ("dropped", 3),
        ("dropped", {"a": "b"}),
        ("dropped_total", "x"),
    ],
    ids=str,
)
def test_damaged_record_of_chunk_is_encoded_again(numbers: Plugin, tmp_path: Path, part: str, value: Any) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    clean = prepare_corpus(numbers, folder)
    before, path = files_of(clean), clean.folder / "encoded-000000.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), part: value}))
    (clean.folder / MANIFEST).unlink()
    assert files_of(prepare_corpus(numbers, folder)) == before


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("owners", np.full(80, 80, np.uint32)), ("owners", np.zeros(3, np.uint32)), ("keys", np.zeros(80, np.int64)),
        ("splits", np.full(80, 9, np.uint8)), ("splits", np.zeros(79, np.uint8)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}-{len(value)}",
)  # fmt: skip
def test_damaged_scan_is_read_again(numbers: Plugin, tmp_path: Path, array: str, value: np.ndarray) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    clean = prepare_corpus(numbers, folder)
    before, path = files_of(clean), clean.folder / "scan-000000.safetensors"
    file = TensorFile(path, "scan")
    arrays = {name: np.array(file.array(name)) for name in file.tensors}
    assert len(arrays["splits"]) == 80
    write_tensors(path, {**arrays, array: value}, file.metadata)
    (clean.folder / MANIFEST).unlink()
    assert files_of(prepare_corpus(numbers, folder)) == before


@pytest.mark.parametrize("crashed", [[], 3, {"x": "reason"}, {"0": 3}], ids=str)
def test_scan_with_damaged_list_of_crashes_is_read_again(numbers: Plugin, tmp_path: Path, crashed: Any) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    clean = prepare_corpus(numbers, folder)
    before, path = files_of(clean), clean.folder / "scan-000000.safetensors"
    file = TensorFile(path, "scan")
    arrays = {name: np.array(file.array(name)) for name in file.tensors}
    write_tensors(path, arrays, {**file.metadata, "result": {**file.metadata["result"], "crashed": crashed}})
    (clean.folder / MANIFEST).unlink()
    assert files_of(prepare_corpus(numbers, folder)) == before


def test_manifest_that_points_outside_its_folder_is_not_followed(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    clean = prepare_corpus(numbers, folder)
    before = files_of(clean)
    manifest = clean.folder / MANIFEST
    manifest.write_text(manifest.read_text().replace("000000-000000", "../../000000-000000"))
    assert files_of(prepare_corpus(numbers, folder)) == before

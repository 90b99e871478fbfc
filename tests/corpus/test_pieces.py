"""Files and pieces that cannot be read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from corpus_kit import prepare_corpus, write_corpus

from seqforge.errors import CorpusError
from seqforge.plugin import Plugin


def test_skipped_files_and_pieces_have_reasons(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    (folder / "bad.num").write_text("1 2\nx y\n3 4\n")
    (folder / "binary.num").write_bytes(b"\xff\xfe\x00")
    (folder / "careless.num").write_text("1 2\nFAIL\n")
    (folder / "big.num").write_text("99999\n")
    prepared = prepare_corpus(numbers, folder)
    assert prepared.report["skipped"] == 4
    reasons = {Path(reason.partition(": ")[0]).name: reason for reason in prepared.report["reasons"]}
    assert "'x y' is not a row of integers" in reasons["bad.num:2"]
    assert "UnicodeDecodeError" in reasons["binary.num"]
    assert "the plugin 'numbers' fails on it (ValueError: the parser failed)" in reasons["careless.num"]
    assert "a number is above 9999" in reasons["big.num:1"]
    assert sum(prepared.report["pieces"].values()) == 80 + 2 + 1


def test_file_without_permission_is_skipped_with_reason(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    original = type(numbers).read

    def read(self: Plugin, path: Path, options: Any) -> Iterator[Any]:
        if path.name == "00.num":
            raise PermissionError(13, "Permission denied", str(path))
        yield from original(self, path, options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(numbers), "read", read)
    prepared = prepare_corpus(numbers, folder)
    assert prepared.report["skipped"] == 1
    assert "00.num: cannot be read (Permission denied)" in prepared.report["reasons"][0]


def test_corpus_without_readable_file_is_an_error(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    for number in range(5):
        (tmp_path / "corpus" / f"{number}.num").write_text("nonsense\n")
    with pytest.raises(CorpusError) as caught:
        prepare_corpus(numbers, tmp_path / "corpus")
    message = str(caught.value)
    assert message.startswith("nothing could be read: ") and message.count("is not a row of integers") == 3
    assert message.endswith("and 2 more")


def test_corpus_without_pieces_is_an_error(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("")
    with pytest.raises(CorpusError, match="nothing could be read: the files contain no piece"):
        prepare_corpus(numbers, tmp_path / "a.num")

"""Parts of tables: together, they have the rows of the table, whatever it contains and wherever it is cut."""

import csv
import importlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from corpus_kit import files_of, pieces_of
from hypothesis import given
from hypothesis import strategies as st

from seqforge.corpus import SplitChoice, TableColumns, find_sources, prepare
from seqforge.corpus.table_rows import RowRange, row_ranges, table_rows
from seqforge.corpus.tables import read_table_pieces
from seqforge.errors import ReadError
from seqforge.plugin import registry

CELLS = st.text(st.sampled_from('ab é\n\r",;\t'), max_size=6)
ROWS = st.lists(st.tuples(CELLS, CELLS), max_size=12)
SIZES = st.integers(min_value=1, max_value=60)


def check_parts(path: Path, size: int) -> list[RowRange]:
    """Check that the parts have the rows of the table, and return them."""
    ranges = row_ranges(path, size)
    assert [row for part in ranges for row in table_rows(path, part)] == list(table_rows(path))
    return ranges


@given(
    rows=ROWS, size=SIZES, mark=st.booleans(), delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n"])
)
def test_parts_of_a_csv_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], size: int, mark: bool, delimiter: str, end: str
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [("text", "label"), *rows]
    )
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
    ranges = check_parts(path, size)
    assert sum(part.size for part in ranges) == path.stat().st_size - 3 * mark
    assert len(list(table_rows(path))) == len(rows)


@given(text=st.text(st.sampled_from('ab é\n\r",;'), max_size=80), size=SIZES)
def test_parts_of_any_text(tmp_path_factory: pytest.TempPathFactory, text: str, size: int) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(text.encode())
    check_parts(path, size)


@given(lines=st.lists(st.sampled_from(['{"t": "é"}', "", "[1]", '{"t": ', '{"t": 3}']), max_size=12), size=SIZES)
def test_parts_of_a_jsonl_file(tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    path.write_text("\n".join(lines))
    check_parts(path, size)


@pytest.mark.parametrize("rows_per_group", [1, 3, 100])
@pytest.mark.parametrize("size", [1, 200, 1 << 20])
def test_parts_of_a_parquet_file(tmp_path: Path, rows_per_group: int, size: int) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"t": [f"text {row}" for row in range(50)], "k": list(range(50))})
    path = tmp_path / "a.parquet"
    importlib.import_module("pyarrow.parquet").write_table(table, path, row_group_size=rows_per_group)
    ranges = check_parts(path, size)
    assert (len(ranges) > 1) == (size < 1 << 20)
    assert next(iter(table_rows(path, ranges[-1], ["k"])))[1].keys() == {"k"}  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_damage_is_reported_once(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"t,k\n" + b"a,b\n" * 5000 + b"\xff,b\n" + b"a,b\n" * 5000)
    text = registry.load("text")
    items = [
        item
        for part in row_ranges(path, size)
        for item in read_table_pieces(text, text.Options(), path, TableColumns("t"), part)
    ]
    errors = [item for item in items if isinstance(item, ReadError)]
    assert len(errors) == 1 and "not UTF-8" in errors[0].reason and items[-1] is errors[0]


def write_tables(folder: Path) -> list[Path]:
    """Write a .csv table with line breaks in cells, and a .jsonl table; each is larger than several chunks."""
    rows = [(f"poem {number}\n{'abcdefghijklmnopqrst'[number % 20] * 9}", "xy"[number % 2]) for number in range(200)]
    with (folder / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("t", "k"), *rows])
    lines = [json.dumps({"t": f"song {text}", "k": label}) for text, label in rows]
    (folder / "b.jsonl").write_text("\n".join(lines) + "\nno JSON\n")
    return [folder / "a.csv", folder / "b.jsonl"]


@pytest.mark.usefixtures("small_chunks")
def test_several_workers_share_a_table(tmp_path: Path) -> None:
    text = registry.load("text")
    names = [str(path) for path in write_tables(tmp_path)]
    sources = find_sources(names, reads=(), domain="text", columns=TableColumns("t", ("k",)))
    prepared = [prepare(text, text.Options(), sources, workers=n, cache=tmp_path / str(n)) for n in (1, 3)]
    assert files_of(prepared[0]) == files_of(prepared[1])
    assert len([name for name in files_of(prepared[0]) if name.startswith("encoded-")]) >= 8
    report = prepared[0].report
    assert (report["files"], report["skipped"], sum(report["pieces"].values())) == (2, 1, 400)
    assert "b.jsonl:201: the line is not JSON" in report["reasons"][0]
    pieces = [piece for split in ("train", "valid", "test") for piece in pieces_of(prepared[0], split)]
    assert {(piece.content, piece.labels["k"]) for piece in pieces} >= {("poem 0\naaaaaaaaa", "x")}
    assert len({piece.content for piece in pieces}) == 400


@pytest.mark.usefixtures("small_chunks")
def test_interrupted_preparation_of_a_table_is_continued(tmp_path: Path) -> None:
    text = registry.load("text")
    names = [str(path) for path in write_tables(tmp_path)]
    sources = find_sources(names, reads=(), domain="text", columns=TableColumns("t", ("k",)))
    prepared = prepare(text, text.Options(), sources, workers=1, cache=tmp_path / "cache")
    before = files_of(prepared)
    for name in [*[name for name in before if name.startswith(("encoded-", "000"))][::2], "manifest.json"]:
        (prepared.folder / name).unlink(missing_ok=True)
    assert files_of(prepare(text, text.Options(), sources, workers=1, cache=tmp_path / "cache")) == before


@pytest.mark.usefixtures("small_chunks")
def test_held_out_tables(tmp_path: Path) -> None:
    text = registry.load("text")
    table, other = map(str, write_tables(tmp_path))
    sources = find_sources(
        [table], reads=(), domain="text", columns=TableColumns("t", ("k",)), split=SplitChoice(valid=(other,))
    )
    prepared = prepare(text, text.Options(), sources, workers=1)
    assert prepared.report["pieces"] == {"train": 200, "valid": 200, "test": 0}
    assert all(piece.content.startswith("song ") and piece.labels["k"] for piece in pieces_of(prepared, "valid"))
    assert all(piece.content.startswith("poem ") for piece in pieces_of(prepared, "train"))

"""Tables as corpora: .csv, .tsv, .jsonl and .parquet files whose columns contain texts and labels."""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from corpus_kit import pieces_of

from seqforge.corpus import PreparedCorpus, TableColumns, find_sources, prepare
from seqforge.corpus.tables import column_names, read_table_pieces
from seqforge.errors import CorpusError, ReadError, UsageError
from seqforge.plugin import Piece, Plugin, registry

COLUMNS = TableColumns("sequence", ("kind", "year"))
CSV = 'id,sequence,kind,year\n1,"one\ntwo",a,1999\n2,three,b,\n3,,a,2000\n4,four\n\n5,"fi, ve",b,2001\n'


@pytest.fixture
def text() -> Plugin:
    return registry.load("text")


def read(plugin: Plugin, path: Path, columns: TableColumns = COLUMNS) -> list[Any]:
    return list(read_table_pieces(plugin, plugin.Options(), path, columns))


def rows(items: list[Any]) -> list[tuple[str, dict[str, str], str]]:
    """Return content, labels and place of the pieces."""
    return [(item.content, dict(item.labels), item.origin.place) for item in items if isinstance(item, Piece)]


def test_rows_become_pieces_with_labels_and_lines(text: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(CSV)
    items = read(text, path)
    assert rows(items) == [
        ("one\ntwo", {"kind": "a", "year": "1999"}, "line 2"),
        ("three", {"kind": "b"}, "line 4"),
        ("fi, ve", {"kind": "b", "year": "2001"}, "line 8"),
    ]
    errors = [item for item in items if isinstance(item, ReadError)]
    assert [error.line for error in errors] == [5, 6]
    assert "'sequence' is empty" in errors[0].reason and "2 cells" in errors[1].reason


@pytest.mark.parametrize(("name", "separator"), [("a.tsv", "\t"), ("a.csv", ";"), ("a.csv", "\t"), ("A.CSV", ",")])
def test_separator_is_recognised(text: Plugin, tmp_path: Path, name: str, separator: str) -> None:
    path = tmp_path / name
    path.write_text("\ufeff" + separator.join(["sequence", "kind", "year"]) + "\r\n" + separator.join("xyz") + "\r\n")
    assert rows(read(text, path)) == [("x", {"kind": "y", "year": "z"}, "line 2")]


def test_json_lines(text: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    objects = [{"sequence": "one", "kind": True, "year": 1999}, {"sequence": 3}, {"year": None}, ["one"]]
    path.write_text("\n".join(map(json.dumps, objects)) + '\n\n{"sequence": \n' + '{"sequence": "two"}\n')
    items = read(text, path)
    assert rows(items) == [("one", {"kind": "true", "year": "1999"}, "line 1"), ("two", {}, "line 7")]
    errors = [(item.line, item.reason) for item in items if isinstance(item, ReadError)]
    assert [line for line, _ in errors] == [2, 3, 4, 6]
    assert "contains int, not text" in errors[0][1] and "not a JSON object" in errors[2][1]


def test_parquet(text: Plugin, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"sequence": ["one", None, "three"], "kind": ["a", "b", None], "year": [1, 2, 3]})
    importlib.import_module("pyarrow.parquet").write_table(table, tmp_path / "a.parquet")
    path = tmp_path / "a.parquet"
    assert column_names(path) == ["sequence", "kind", "year"]
    assert rows(read(text, path)) == [("one", {"kind": "a", "year": "1"}, "row 1"), ("three", {"year": "3"}, "row 3")]


def test_parquet_without_pyarrow_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.import_module

    def import_module(name: str) -> ModuleType:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return original(name)

    monkeypatch.setattr(importlib, "import_module", import_module)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="pip install pyarrow") as caught:
        find_sources([str(tmp_path / "a.parquet")], reads=(), domain="text", columns=COLUMNS)
    assert caught.value.field == "corpus"


def test_cell_longer_than_the_limit_of_the_module_csv(text: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(f"sequence,kind,year\n{'x' * 200_000},a,1\n")
    assert len(rows(read(text, path))[0][0]) == 200_000


def test_invalid_utf8_is_a_read_error(text: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"sequence,kind,year\na,b,c\n" + b"x" * 10_000 + b"\xff,b,c\n")
    items = read(text, path)
    assert "not UTF-8" in items[-1].reason and items[-1].file == str(path)


def test_abc_tune_per_row(tmp_path: Path) -> None:
    abc = registry.load("abc")
    path = tmp_path / "tunes.csv"
    path.write_text(
        'sequence,kind,year\n"X:1\nT:One\nK:D\nDEFG|",reel,1850\nnothing,jig,\n"X:1\nK:D\nD|\n\nX:2\nK:G\nG|",,\n'
    )
    items = read(abc, path)
    assert [item.content.title for item in items if isinstance(item, Piece)] == ["One"]
    assert items[0].labels == {"kind": "reel", "year": "1850"} and items[0].origin.place == "line 2"
    assert [(item.line, item.file) for item in items[1:]] == [(6, str(path)), (7, str(path))]
    assert "contains no tune" in items[1].reason and "2 tunes" in items[2].reason


@pytest.mark.parametrize(
    ("columns", "field", "fragment"),
    [
        (TableColumns("sequences"), "text_column", "Did you mean 'sequence'?"),
        (TableColumns("sequence", ("knd",)), "label_columns", "it has id, sequence, kind, year"),
    ],
)
def test_missing_column_is_an_error(tmp_path: Path, columns: TableColumns, field: str, fragment: str) -> None:
    (tmp_path / "data.csv").write_text(CSV)
    with pytest.raises(UsageError) as caught:
        find_sources([str(tmp_path / "data.csv")], reads=(), domain="text", columns=columns)
    assert caught.value.field == field and fragment in str(caught.value)
    assert caught.value.allowed == "id, sequence, kind, year"


def test_table_without_content_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("")
    with pytest.raises(CorpusError, match="has no columns"):
        find_sources([str(tmp_path / "data.csv")], reads=(), domain="text", columns=COLUMNS)


def test_labels_without_text_column_are_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        TableColumns.from_names(None, "kind")
    assert caught.value.field == "label_columns"


def test_columns_survive_json() -> None:
    assert TableColumns.from_json({"corpus": [], **COLUMNS.to_json()}) == COLUMNS
    assert TableColumns.from_json({}) is None


def test_table_read_as_prose_has_a_remark(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(CSV)
    (remark,) = find_sources([str(tmp_path / "data.csv")], reads=(), domain="text").remarks
    assert "data.csv looks like a table" in remark and "id, sequence, kind, year" in remark
    assert not find_sources([str(tmp_path / "data.csv")], reads=(".csv",), domain="text").remarks


def prepare_table(plugin: Plugin, path: Path, **arguments: Any) -> PreparedCorpus:
    sources = find_sources([str(path)], reads=plugin.reads, domain=plugin.name, columns=TableColumns("t", ("k",)))
    return prepare(plugin, plugin.Options(), sources, **{"workers": 1, **arguments})


@pytest.mark.usefixtures("small_chunks")
def test_folder_of_tables_is_split_by_content(text: Plugin, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for file in range(3):
        lines = [f"{name * 7} number {file}.{row},{'ab'[row % 2]}" for row, name in enumerate("abcdefghijklmnopqrst")]
        (folder / f"{file}.csv").write_text("t,k\n" + "\n".join(lines) + "\n")
    (folder / "readme.txt").write_text("not a table")
    prepared = prepare_table(text, folder)
    assert sum(prepared.report["pieces"].values()) == 60 and all(prepared.report["pieces"].values())
    assert dict(prepared.codec.labels) == {"k": ("a", "b")}
    assert {piece.labels["k"] for piece in pieces_of(prepared, "train")} == {"a", "b"}
    parallel = prepare_table(text, folder, workers=2, cache=tmp_path / "other")
    assert pieces_of(parallel, "train") == pieces_of(prepared, "train")
    assert parallel.folder.name == prepared.folder.name


def test_other_columns_are_another_prepared_corpus(text: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("t,k\n" + "".join(f"text {row},{row % 2}\n" for row in range(40)))
    other = find_sources([str(path)], reads=(), domain="text", columns=TableColumns("t"))
    assert prepare(text, text.Options(), other, workers=1).folder != prepare_table(text, path).folder

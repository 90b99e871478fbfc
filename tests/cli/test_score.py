import csv
import io
import json
from pathlib import Path

import pytest
from fakekit import Run

import seqforge


def test_one_line_per_piece(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("1 2 3\nx\n30 2\n")
    result = run("score", "b.num", "--model", numbers)
    assert [line.split("\t")[1:] for line in result.out.splitlines()] == [
        ["3 numbers", "line 1"],
        ["2 numbers", "line 3"],
    ]
    assert result.err == f"model: {numbers}\nskipped: b.num:2: 'x' is not a row of integers\n"
    rows = json.loads(run("score", "b.num", "--model", numbers, "--json").out)
    assert [row["units"] for row in rows] == [3.0, 2.0] and all(row["nats"] > 0 for row in rows)
    assert [row["place"] for row in rows] == ["line 1", "line 3"]


def test_file_without_pieces_is_an_error(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("")
    result = run("score", "b.num", "--model", numbers)
    assert result.code == 1 and "b.num contains no piece" in result.error_message()


def test_file_that_makes_the_plugin_fail_is_an_error(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_bytes(b"\xff\xfe")
    result = run("score", "b.num", "--model", numbers)
    assert result.code == 1 and "Traceback" not in result.err and "b.num" in result.err


def test_missing_file_is_an_error(run: Run, numbers: Path) -> None:
    result = run("score", "gone.num", "--model", numbers)
    assert result.code == 2 and "gone.num" in result.error_message()


def test_folder_with_labels_as_json_and_csv(run: Run, numbers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a.num").write_text("1 2 3\n30 2\n")
    (folder / "b.num").write_text("4 5\n")
    (folder / "labels.csv").write_text("file,source\na.num,one\n")
    entries = json.loads(run("score", "rows", "--model", numbers, "--json").out)
    assert [(Path(entry["file"]).name, entry["place"]) for entry in entries] == [
        ("a.num", "line 1"),
        ("a.num", "line 2"),
        ("b.num", "line 1"),
    ]
    assert [entry["labels"].get("source") for entry in entries] == ["one", "one", None]
    rows = list(csv.DictReader(io.StringIO(run("score", "rows", "--model", numbers, "--csv").out)))
    assert [row["label_source"] for row in rows] == ["one", "one", ""]
    assert [float(row["nats"]) for row in rows] == [entry["nats"] for entry in entries]
    plain = run("score", "rows", "rows/b.num", "--model", numbers).out.splitlines()
    assert len(plain) == 4 and plain[-1].endswith("b.num: line 1")


def test_table_with_labels(run: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("words,kind\nthe fox,a\nthe lazy dog,b\n")
    flags = ["score", "data.csv", "--model", text, "--text-column", "words", "--label-columns", "kind", "--json"]
    entries = json.loads(run(*flags).out)
    assert [(entry["place"], entry["labels"], entry["units"]) for entry in entries] == [
        ("line 2", {"kind": "a"}, 7.0),
        ("line 3", {"kind": "b"}, 12.0),
    ]
    assert "--text-column" in run("score", "data.csv", "--model", text).err


def test_text_column_without_text_is_an_error(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("words,kind\nthe fox,a\n")
    result = run("score", "data.csv", "--model", numbers, "--text-column", "words")
    assert result.code == 2 and "'numbers' makes no pieces from text" in result.error_message()


def test_json_and_csv_together_are_an_error(run: Run, numbers: Path) -> None:
    assert run("score", "a.num", "--model", numbers, "--json", "--csv").code == 2


def test_label_of_all_pieces(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("1 2 3\n")
    label, values = next(iter(seqforge.load(numbers).header.labels.items()))
    losses = set()
    for value in values:
        (row,) = json.loads(run("score", "b.num", "--model", numbers, "--label", f"{label}={value}", "--json").out)
        assert row["labels"] == {label: value}
        losses.add(row["nats"])
    assert len(losses) == len(values)
    assert run("score", "b.num", "--model", numbers, "--label", f"{label}=none").code == 2
    assert run("score", "b.num", "--model", numbers, "--label", label).code == 2


def test_loss_of_every_step(run: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("the fox\n")
    (row,) = json.loads(run("score", "b.txt", "--model", text, "--per-step", "--json").out)
    assert [step["token"] for step in row["per_step"]] == [*"the fox\n", None]
    assert sum(step["nats"] for step in row["per_step"]) == pytest.approx(row["nats"])
    lines = run("score", "b.txt", "--model", text, "--per-step").out.splitlines()
    assert len(lines) == 10 and lines[-1].endswith("(end)") and lines[-2].endswith("'\\n'")
    steps = list(csv.DictReader(io.StringIO(run("score", "b.txt", "--model", text, "--per-step", "--csv").out)))
    assert [float(step["nats"]) for step in steps] == [step["nats"] for step in row["per_step"]]

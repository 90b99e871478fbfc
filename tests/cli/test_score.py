import json
from pathlib import Path

from fakekit import Run


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

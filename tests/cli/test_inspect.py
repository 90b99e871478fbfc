import json
from pathlib import Path

from fakekit import Run


def test_steps_and_round_trip(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("to be\n")
    result = run("inspect", "a.txt", "--plugin", "text")
    assert result.out.splitlines() == [
        "line 1: 6 steps, 6 characters",
        "t o   b e \\n",
        "round trip: yes; lossless: yes",
    ]


def test_options_and_report_as_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("to be\n")
    report = json.loads(run("inspect", "a.txt", "--plugin", "text", "--level", "word", "--json").out)
    assert report["options"] == {"level": "word", "piece": "file", "pairs": "", "max_vocabulary": 50_000}
    (piece,) = report["pieces"]
    assert "".join(piece["steps"]) == "to be\n" and piece["round_trip"] is True and piece["lossless"] is True


def test_model_shows_what_its_encoding_drops(run: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the \N{SNOWMAN}\n")
    (piece,) = json.loads(run("inspect", "a.txt", "--model", text, "--json").out)["pieces"]
    assert piece["dropped"] == {"\N{SNOWMAN}": 1}
    assert piece["round_trip"] is True and piece["lossless"] is False
    line = "round trip: yes; lossless: no; dropped: '\N{SNOWMAN}' (1)"
    assert run("inspect", "a.txt", "--model", text).out.splitlines()[-1] == line


def test_labels_and_skipped_pieces(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("3 1 2\nx\n")
    result = run("inspect", "b.num", "--plugin", "numbers", "--order", "up", "--json")
    report = json.loads(result.out)
    (piece,) = report["pieces"]
    assert piece["steps"] == ["1", "2", "3"] and piece["labels"] == {"parity": "even"}
    assert report["skipped"] == [{"file": "b.num", "place": "line 2", "reason": "'x' is not a row of integers"}]
    assert result.err == "skipped: b.num:2: 'x' is not a row of integers\n"


def test_a_piece_that_only_changes_its_form_is_not_lossless(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text("X:1\nT:A\nM:2/4\nL:1/8\nK:D\nDEFG|A4||\n")
    line = "round trip: yes; lossless: no; nothing is dropped, but the piece changes to its canonical form"
    assert run("inspect", "tune.abc", "--plugin", "abc").out.splitlines()[-1] == line


def test_options_of_a_model_are_fixed(run: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    result = run("inspect", "a.txt", "--model", text, "--level", "word")
    assert result.code == 2 and "--level" in result.error_message()


def test_several_plugins_for_the_suffix_are_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    result = run("inspect", "a.txt")
    assert result.code == 2 and "abc, text" in result.error_message()


def test_file_without_pieces_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("x\n")
    result = run("inspect", "b.num", "--plugin", "numbers")
    assert result.code == 1 and "b.num contains no piece" in result.error_message()


def test_plugin_is_found_by_the_suffix(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2 3\n")
    assert json.loads(run("inspect", "a.num", "--json").out)["plugin"] == "numbers"

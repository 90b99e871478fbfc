import json
from pathlib import Path

from fakekit import Run


def test_info_as_text(run: Run, numbers: Path) -> None:
    rows = dict(line.split(maxsplit=1) for line in run("info", numbers).out.splitlines())
    assert rows["plugin"] == "numbers" and rows["network"].startswith("lstm 1 x 16")
    assert rows["labels"] == "parity: even, odd" and rows["options"] == "largest=9999, order=kept"
    assert rows["corpus"].endswith("a.num") and rows["trained"].startswith("30 steps")
    assert rows["valid"].endswith("nats per number")


def test_info_as_json(run: Run, numbers: Path) -> None:
    values = json.loads(run("info", numbers.parent, "--json").out)
    assert values["plugin"] == "numbers" and values["bytes"] == numbers.stat().st_size
    assert values["path"] == str(numbers) and values["codec"] == {"version": 1}


def test_a_file_of_pieces_is_no_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.num").write_text("a\n")
    (tmp_path / "poem.unknown").write_text("a\n")
    result = run("info", tmp_path / "rows.num")
    assert result.code == 2
    assert f"seqforge show {tmp_path / 'rows.num'}" in result.err
    assert "seqforge show" not in run("info", tmp_path / "poem.unknown").err


def test_attribution_of_corpora(run: Run) -> None:
    assert "attribution" in run("info", "text:default").out

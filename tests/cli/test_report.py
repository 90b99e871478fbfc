import json
import shutil
from pathlib import Path

import pytest
from fakekit import Run, in_process, number_rows

from seqforge import Model


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, *arguments)


@pytest.fixture
def text(trained: dict[str, Model]) -> Path:
    path = trained["text"].path
    assert path is not None
    return path


@pytest.fixture
def numbers(trained: dict[str, Model]) -> Path:
    path = trained["numbers"].path
    assert path is not None
    return path


def test_evaluate_tells_the_keys_of_the_issue(run: Run, text: Path) -> None:
    told = json.loads(run("evaluate", text, "--json").out)
    assert {"unit", "units", "pieces", "nats_per_unit", "bits_per_unit", "nats_per_step"} <= set(told)
    assert told["split"] == "test" and told["unit"] == "character"
    said = run("evaluate", text, "--split", "valid")
    assert "nats per character" in said.out and "on valid of" in said.out and "1 piece" in said.out


def test_evaluate_takes_a_run_s_folder_and_another_corpus(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text(number_rows(seed=5) + "5000\n")
    told = json.loads(run("evaluate", numbers.parent, "--corpus", "b.num", "--split", "train", "--json").out)
    assert told["corpus"] == ["b.num"] and told["unit"] == "number"


@pytest.mark.parametrize(
    ("flag", "told"), [("vaild", "Did you mean 'valid'?"), ("all", "there are train, valid, test")]
)
def test_an_unknown_split_is_one_sentence(run: Run, text: Path, flag: str, told: str) -> None:
    said = run("evaluate", text, "--split", flag)
    assert said.code == 2 and told in said.sentence()


def test_score_tells_each_piece(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("1 2 3\nx\n30 2\n")
    said = run("score", "b.num", "--model", numbers)
    assert [line.split("\t")[1:] for line in said.out.splitlines()] == [
        ["3 numbers", "line 1"],
        ["2 numbers", "line 3"],
    ]
    assert said.err.startswith("model: ")
    assert said.err.endswith("\nskipped: b.num:2: 'x' is no row of numbers\n")
    told = json.loads(run("score", "b.num", "--model", numbers, "--json").out)
    assert [row["units"] for row in told] == [3.0, 2.0] and all(row["nats"] > 0 for row in told)


def test_score_of_nothing_readable_is_one_sentence(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("")
    said = run("score", "b.num", "--model", numbers)
    assert said.code == 1 and "b.num holds no piece that could be read" in said.sentence()


def test_score_of_a_file_that_makes_the_plugin_fail(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_bytes(b"\xff\xfe")
    said = run("score", "b.num", "--model", numbers)
    assert said.code == 1 and "Traceback" not in said.err and "b.num" in said.err


def test_info_tells_what_the_model_is(run: Run, numbers: Path) -> None:
    out = run("info", numbers).out
    for words in ("numbers", "lstm 1 x 16", "parity: even, odd", "order=kept", "a.num", "30 steps", "nats per number"):
        assert words in out
    told = json.loads(run("info", numbers.parent, "--json").out)
    assert told["plugin"] == "numbers" and told["bytes"] == numbers.stat().st_size
    assert "data" not in told["codec"]


def test_models_lists_runs_finished_or_not(run: Run, text: Path, tmp_path: Path) -> None:
    for number in ("0001", "0002"):
        shutil.copytree(text.parent, tmp_path / "runs" / "text" / number)
    (tmp_path / "runs" / "text" / "0002" / "state.safetensors").unlink()
    (tmp_path / "runs" / "stray.txt").write_text("")
    told = [row for row in json.loads(run("models", "--json").out) if row["kind"] != "shipped"]
    assert [(row["plugin"], Path(row["model"]).parent.name, row["kind"]) for row in told] == [
        ("text", "0002", "unfinished run"), ("text", "0001", "run"),
    ]  # fmt: skip
    assert "runs/text/0001/model.safetensors" in run("models").out


def test_models_tells_of_a_broken_plugin_and_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fakekit import install

    monkeypatch.syspath_prepend(install(tmp_path / "site", "raise SystemExit(3)"))
    said = run("models")
    assert said.code == 0 and "note: the plugin 'good' of fake-good 2.5 does not import" in said.err


def test_inspect_shows_steps_and_whether_they_come_back(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("to be\n")
    said = run("inspect", "a.txt", "--plugin", "text")
    assert said.out.splitlines()[0] == "line 1: 6 steps, 6 characters"
    assert "t o   b e \\n" in said.out and "comes back: yes; nothing lost: yes" in said.out
    told = json.loads(run("inspect", "a.txt", "--plugin", "text", "--level", "word", "--json").out)
    assert told["options"] == {"level": "word", "piece": "file"}
    assert "".join(told["pieces"][0]["steps"]) == "to be\n" and told["pieces"][0]["comes_back"] is True


def test_inspect_with_a_model_tells_what_it_does_not_know(run: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the \N{SNOWMAN}\n")
    told = json.loads(run("inspect", "a.txt", "--model", text, "--json").out)["pieces"][0]
    assert told["unseen"] == {"\N{SNOWMAN}": 1} and told["comes_back"] is True and told["kept_whole"] is False
    assert "nothing lost: no" in run("inspect", "a.txt", "--model", text).out


def test_inspect_of_numbers_shows_labels_and_skips_with_the_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("3 1 2\nx\n")
    said = run("inspect", "b.num", "--plugin", "numbers", "--order", "up", "--json")
    assert json.loads(said.out)["pieces"][0]["steps"] == ["1", "2", "3"]
    assert json.loads(said.out)["pieces"][0]["labels"] == {"parity": "even"}
    assert said.err == "skipped: b.num:2: 'x' is no row of numbers\n"


def test_inspect_without_a_plugin_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    said = run("inspect", "a.txt")
    assert said.code == 2 and "which plugin or model?" in said.sentence()


@pytest.mark.parametrize("verb", ["evaluate", "info"])
def test_a_model_that_is_not_there_is_one_sentence(run: Run, verb: str) -> None:
    said = run(verb, "gone.safetensors")
    assert said.code == 1 and "there is no model at gone.safetensors" in said.sentence()

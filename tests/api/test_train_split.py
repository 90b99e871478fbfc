"""The split that a user chooses: shares, files that are held out, and corpora that are too small."""

from pathlib import Path
from typing import Any

import pytest
from api_kit import folder_of, train
from fakekit import number_rows

import seqforge
from seqforge import CorpusError, OptionsError, RunError

pytestmark = pytest.mark.usefixtures("corpora")


def pieces(model: seqforge.Model) -> dict[str, int]:
    return dict(model.header.provenance["pieces"])


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """A folder with ten files of one row each."""
    folder = tmp_path / "ten"
    folder.mkdir()
    for number, row in enumerate(number_rows(10, seed=3).splitlines()):
        (folder / f"{number}.num").write_text(row + f" {100 + number}\n")
    return folder


@pytest.mark.parametrize("options", [{}, {"split": "0.8,0.1,0.1"}])
def test_ten_pieces_are_split_8_1_1(ten: Path, options: dict[str, Any]) -> None:
    assert pieces(train("numbers", str(ten), steps=1, **options)) == {"train": 8, "valid": 1, "test": 1}


def test_named_files_are_held_out(ten: Path) -> None:
    model = train("numbers", str(ten), steps=1, valid=str(ten / "3.num"), test=[str(ten / "4.num"), str(ten / "5.num")])
    assert pieces(model) == {"train": 7, "valid": 1, "test": 2}
    assert model.evaluate().pieces == 2


def test_shares_divide_the_pieces_of_a_plugin_that_can() -> None:
    model = train("text", "a.txt", steps=1, split="0.5,0.5")
    assert pieces(model) == {"train": 1, "valid": 1, "test": 0}
    evaluation = model.evaluate(split="valid")
    assert abs(evaluation.units / len(Path("a.txt").read_text()) - 0.5) < 0.01


def test_resumed_run_keeps_its_split(ten: Path) -> None:
    choice = {"valid": [str(ten / "3.num")]}
    complete = train("numbers", str(ten), steps=6, **choice)
    part = folder_of(train("numbers", str(ten), steps=6, stop_at=3, **choice))
    resumed = train("numbers", None, resume=part, **choice)
    assert pieces(resumed) == pieces(complete) == {"train": 9, "valid": 1, "test": 0}
    with pytest.raises(RunError, match=r"`split` is 0\.8,0\.1,0\.1 and was not set"):
        train("numbers", None, resume=part, split="0.8,0.1,0.1")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"split": "0.5,0.6"}, "split"),
        ({"split": "0.8,0.1,0.1", "valid": "a.num"}, "valid"),
        ({"valid": "gone.num"}, "valid"),
        ({"valid": "a.num", "test": "a.num"}, "test"),
    ],
)
def test_impossible_split_is_an_error(options: dict[str, Any], field: str) -> None:
    with pytest.raises(OptionsError) as caught:
        train("numbers", "a.num", steps=1, **options)
    assert caught.value.field == field
    assert not Path("runs").exists()


@pytest.mark.parametrize("text", ["hi\n", "h", ""])
def test_corpus_that_is_too_small_is_an_error_and_leaves_no_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.txt").write_text(text)
    for run in (None, tmp_path / "my" / "run"):
        with pytest.raises(CorpusError):
            train("text", "t.txt", steps=1, run=run)
        assert not Path("runs").exists() and not (tmp_path / "my" / "run").exists()


def test_failed_training_keeps_a_folder_with_files(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("hi\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(CorpusError):
        train("text", "t.txt", steps=1, run=tmp_path / "run")
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"

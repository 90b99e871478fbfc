"""Size and dropout that follow from a budget of minutes."""

import tomllib
from pathlib import Path

import pytest
from fakekit import number_rows

import seqforge
from seqforge.api.runs import Run
from seqforge.training.speed import fastest_operations

SMALL = {"batch_size": 4, "bptt": 16, "precision": "float32", "threads": 1}


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus, and a machine that takes 5e7 operations per second."""
    monkeypatch.setattr("seqforge.training.step_speed.measure_operations", lambda precision: 5e7)
    (tmp_path / "a.num").write_text(number_rows(60))
    return tmp_path / "a.num"


def train(corpus: Path, **options: object) -> tuple[dict[str, object], list[str]]:
    """Train for a moment; return the options of the run and the messages."""
    messages: list[str] = []
    run = Run(corpus.parent / "run")
    seqforge.train(
        "numbers",
        corpus=str(corpus),
        run=run.folder,
        workers=1,
        on_message=messages.append,
        stop_at=1,
        **SMALL,
        **options,
    )
    return tomllib.loads(run.config.read_text())["training"], messages


def test_size_follows_from_the_minutes(corpus: Path) -> None:
    training, messages = train(corpus, minutes=1.0)
    (remark,) = [message for message in messages if "epochs" in message]
    assert training["hidden"] == 128 and f"hidden {training['hidden']}" in remark
    assert training["dropout"] == training["output_dropout"] and f"dropout {training['dropout']:g}," in remark
    folder = corpus.parent / "run"
    seqforge.train("numbers", resume=folder, stop_at=2)
    assert tomllib.loads(Run(folder).config.read_text())["training"] == training


@pytest.mark.parametrize(
    "options",
    [{"minutes": 1.0, "size": "small"}, {"steps": 5, "hidden": 32}, {"minutes": 1.0, "dropout": 0.35, "hidden": 32}],
)
def test_options_that_are_set_do_not_change(corpus: Path, options: dict[str, object]) -> None:
    training, _ = train(corpus, **options)
    expected = {"hidden": 256, "dropout": 0.1} if "size" in options else {"dropout": 0.2, **options}
    assert {name: training.get(name) for name in expected} == expected


def test_the_fastest_measurement_of_a_machine_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("seqforge.training.speed.cache_folder", lambda: tmp_path / "cache")
    measured = [fastest_operations("float32", lambda precision, value=value: value) for value in (2e9, 5e9, 1e9)]
    assert measured == [2e9, 5e9, 5e9]
    assert fastest_operations("bfloat16", lambda precision: 3e9) == 3e9

"""What cannot be trained."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_kit import folder_of, tensors_of, train

from seqforge import CorpusError, OptionsError, PluginError, RunError, UsageError, WriteError

pytestmark = pytest.mark.usefixtures("corpora")


@pytest.mark.parametrize(
    ("options", "field", "allowed"),
    [
        ({"steps": 0}, "steps", "above 0 and finite"),
        ({"minutes": float("inf")}, "minutes", "above 0 and finite"),
        ({"size": "huge"}, "size", "small, medium, large"),
        ({"seed": -1}, "seed", "from 0 to 2^63 - 1"),
        ({"cell": "transformer"}, "cell", "lstm, gru, rnn"),
        ({"level": "syllable"}, "level", "char, byte, word"),
        ({"precision": "float16"}, "precision", "auto, float32, bfloat16"),
        ({"hidden": "many"}, "hidden", "of type int"),
        ({"dropout": 1.0}, "dropout", "from 0 to below 1"),
        ({"label_dropout": -0.5}, "label_dropout", "from 0 to below 1"),
        ({"batch_size": 0}, "batch_size", "at least 1"),
        ({"bptt": 1}, "bptt", "at least 2"),
        ({"learning_rate": 0.0}, "learning_rate", "above 0 and finite"),
        ({"learning_rate": float("nan")}, "learning_rate", "above 0 and finite"),
        ({"learning_rate": float("inf")}, "learning_rate", "above 0 and finite"),
        ({"weight_decay": float("inf")}, "weight_decay", "at least 0 and finite"),
        ({"grad_clip": float("nan")}, "grad_clip", "above 0, or 0 for no clipping"),
        ({"dropout": float("nan")}, "dropout", "from 0 to below 1"),
        ({"threads": 0}, "threads", "from 1 to 1024"),
        ({"threads": -2}, "threads", "from 1 to 1024"),
        ({"threads": 100_000}, "threads", "from 1 to 1024"),
    ],
)
def test_option_that_is_not_allowed_is_an_error(options: dict[str, Any], field: str, allowed: str) -> None:
    budget = {} if "minutes" in options else {"steps": 1}
    with pytest.raises(OptionsError) as caught:
        train(**{**budget, **options})
    assert (caught.value.field, caught.value.allowed) == (field, allowed)
    np.testing.assert_equal(caught.value.value, options[field])
    assert f"`{field}`" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"hidden": 0}, {"layers": 0}, {"embedding": -1}, {"device": "quantum"}])
def test_impossible_network_or_device_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(OptionsError) as caught:
        train(**{"steps": 1, **options})
    assert {caught.value.field: caught.value.value} == options
    assert not Path("runs").exists()


@pytest.mark.parametrize("name", ["flavour", "lable"])
def test_unknown_option_is_an_error(name: str) -> None:
    with pytest.raises(OptionsError, match="it has level, piece") as caught:
        train(**{"steps": 1, name: 1})
    assert caught.value.field == name


def test_two_budgets_are_an_error() -> None:
    with pytest.raises(OptionsError, match="`steps` and `minutes`"):
        train(steps=5, minutes=1.0)


def test_corpus_without_train_split_is_an_error(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        (tmp_path / "d" / split).mkdir(parents=True)
    (tmp_path / "d" / "train" / "a.num").write_text("nonsense\n")
    (tmp_path / "d" / "valid" / "a.num").write_text("1 2\n")
    with pytest.raises(CorpusError, match=r"no piece is left to train on: .*nonsense"):
        train("numbers", "d", steps=1)


def test_folder_that_contains_a_run_is_an_error(tmp_path: Path) -> None:
    train(steps=1, run=tmp_path / "r")
    with pytest.raises(RunError, match="contains a run already; set `resume`"):
        train(steps=1, run=tmp_path / "r")


def test_run_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"cannot write .*is a file, not a folder"):
        train(steps=1, run=tmp_path / "a.txt" / "run")


def test_full_disk_while_saving_keeps_the_old_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = folder_of(train(steps=20, stop_at=12))
    before = {path.name: path.read_bytes() for path in part.iterdir() if path.suffix == ".safetensors"}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(WriteError, match="the disk is full; free some space"):
            train(corpus=None, resume=part)
    after = {path.name: path.read_bytes() for path in part.iterdir() if path.suffix == ".safetensors"}
    assert after == before
    assert not list(part.rglob(".*"))
    complete = folder_of(train(steps=20))
    train(corpus=None, resume=part)
    assert tensors_of(part / "state.safetensors") == tensors_of(complete / "state.safetensors")


def test_plugin_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(PluginError, match="Did you mean 'text'") as caught:
        train("txt")
    assert (caught.value.field, caught.value.value) == ("plugin", "txt")


def test_plugin_without_default_corpus_is_an_error() -> None:
    with pytest.raises(UsageError, match="'numbers'") as caught:
        train("numbers", None, steps=1)
    assert caught.value.field == "corpus"

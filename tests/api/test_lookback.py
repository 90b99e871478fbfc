"""Models of a codec that names places: training, generation, scores and model files."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_kit import folder_of, tensors_of, train
from fakekit import VERSES, install

import seqforge
from seqforge import ContractError, DamagedFileError, Model, OptionsError
from seqforge.core.tensorfile import TensorFile, write_tensors


@pytest.fixture
def verses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a plugin whose lines are periods, and write a corpus in which every line returns two lines later."""
    monkeypatch.syspath_prepend(install(tmp_path / "site", VERSES, name="verses"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    rng = np.random.default_rng(0)
    for number in range(40):
        lines = ["".join(rng.choice(list("abcdefgh"), 9)) for _ in range(2)]
        (tmp_path / "corpus").mkdir(exist_ok=True)
        (tmp_path / "corpus" / f"{number}.verses").write_text("\n".join(lines * 4) + "\n")
    yield tmp_path / "corpus"
    sys.modules.pop("fake_verses", None)


def train_verses(corpus: Path, **options: Any) -> Model:
    return train("verses", corpus=str(corpus), **{"steps": 40, "learning_rate": 0.02, "lookback": 8, **options})


def test_network_that_looks_back_learns_to_repeat(verses: Path) -> None:
    looking, plain = train_verses(verses, steps=80), train_verses(verses, steps=80, lookback=0)
    assert (looking.network.config.lookback, looking.network.config.distances) == (8, (1, 2))
    assert (plain.network.config.lookback, plain.network.config.distances, plain.network.history) == (0, (), None)
    losses = [model.evaluate(split="valid").nats_per_unit for model in (looking, plain)]
    assert losses[0] < 0.6 * losses[1], losses


def test_model_file_generates_and_scores_like_the_trained_model(verses: Path) -> None:
    trained = train_verses(verses)
    loaded = seqforge.load(folder_of(trained))
    assert loaded.network.history is not None
    pieces = loaded.generate(3, seed=2, max_steps=60)
    assert [piece.content for piece in pieces] == [piece.content for piece in trained.generate(3, seed=2, max_steps=60)]
    assert list(loaded.stream(seed=2, max_steps=60))[-1].piece.content == pieces[0].content
    scores = loaded.score_many([piece.content for piece in pieces])
    for piece, score in zip(pieces, scores, strict=True):
        assert loaded.score(piece.content).nats == pytest.approx(score.nats, rel=1e-4)
    following = [loaded.next(f"abcdefgha\n{line}\nabcdefg")["h"] for line in ("habcdefga", "aaaaaaahh")]
    assert following[0] != following[1], "the line before is read"
    states = loaded.hidden_states("abcdefgha\nabc")
    assert states.shape == (14, 1, 16)
    loaded.generate(2, beams=3, max_steps=30)


def test_default_is_to_look_back_and_resumed_runs_are_equal(verses: Path) -> None:
    options: dict[str, Any] = {"lookback": None, "steps": 12}
    whole = train_verses(verses, run="whole", **options)
    assert whole.network.config.lookback == 48
    train_verses(verses, run="parts", stop_at=7, **options)
    train("verses", corpus=str(verses), run="parts", resume=True)
    for name, value in tensors_of(Path("whole/model.safetensors")).items():
        assert np.array_equal(value, tensors_of(Path("parts/model.safetensors"))[name]), name


def test_run_of_an_earlier_version_is_resumed_without_looking_back(verses: Path) -> None:
    train_verses(verses, run="old", lookback=0, steps=6, stop_at=3)
    state = TensorFile(Path("old/state.safetensors"), "state")
    metadata = json.loads(json.dumps(state.metadata))
    del metadata["config"]["training"]["lookback"]
    arrays = {name: np.array(state.array(name)) for name in state.tensors}
    write_tensors(Path("old/state.safetensors"), arrays, metadata)
    assert not train("verses", corpus=str(verses), run="old", resume=True).network.config.distances


def test_model_that_is_trained_further_keeps_its_distances(verses: Path) -> None:
    base = train_verses(verses, steps=3)
    tuned = seqforge.train("verses", corpus=str(verses), init=str(base.path), steps=1, threads=1, precision="float32")
    assert tuned.network.config == base.network.config
    plain = train_verses(verses, steps=3, lookback=0)
    again = seqforge.train("verses", corpus=str(verses), init=str(plain.path), steps=1, threads=1, precision="float32")
    assert not again.network.config.distances


@pytest.mark.usefixtures("corpora")
def test_encoding_without_places_cannot_look_back(tmp_path: Path) -> None:
    with pytest.raises(OptionsError) as caught:
        train(piece="line", lookback=16, steps=1, run=tmp_path / "r")
    assert (caught.value.field, caught.value.value, caught.value.allowed) == ("lookback", 16, "0")
    assert not (tmp_path / "r").exists()
    assert not train(piece="line", steps=1).network.config.distances
    with pytest.raises(OptionsError) as caught:
        train(lookback=-1, steps=1)
    assert caught.value.field == "lookback"


def test_model_whose_codec_no_longer_names_places_is_refused(verses: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = train_verses(verses, steps=2)
    monkeypatch.setattr(type(model.codec), "places", lambda self: None)
    with pytest.raises(DamagedFileError):
        seqforge.load(folder_of(model))


def test_wrong_array_of_places_is_an_error_of_the_plugin(verses: Path) -> None:
    model = train_verses(verses, steps=2)
    history = model.network.history
    assert history is not None
    history.places.places = lambda steps: np.zeros((len(steps), 2), np.int64)  # type: ignore[method-assign]
    with pytest.raises(ContractError):
        model.score("abc")


def test_config_is_stored_with_the_model(verses: Path) -> None:
    model = train_verses(verses, steps=2)
    config = model.header.network
    assert dataclasses.replace(config, lookback=0, distances=(), copy_logits=False).lookback_width == 0
    assert config.to_json()["distances"] == [1, 2]

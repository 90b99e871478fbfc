"""tools.extend_model: a model with more tokens, distances and copy scores."""

from pathlib import Path

import numpy as np
import pytest

import seqforge
from seqforge.plugin import Piece
from seqforge_midi.song import TICKS_PER_QUARTER, Song, note_array
from tools.extend_model import extend_model, extended_arrays, looking_back


def test_rows_follow_the_names_of_the_tokens() -> None:
    arrays = {
        "head.embedding": np.arange(8, dtype=np.float32).reshape(4, 2),
        "head.bias": np.arange(4, dtype=np.float32),
        "references.steps": np.arange(3, dtype=np.float32)[:, None],
    }
    result = extended_arrays(arrays, ["bar", "pitch:1", "pitch:2"], ["bar", "bar:1", "pitch:1", "pitch:2"])
    assert result["head.embedding"].tolist() == [[0, 1], [0, 1], [2, 3], [4, 5], [6, 7]]
    assert result["head.bias"].tolist() == [0, -5, 1, 2, 3]
    assert result["references.steps"][:, 0].tolist() == [0, 0, 1, 2]
    assert arrays["head.bias"].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="pitch:2"):
        extended_arrays(arrays, ["bar", "pitch:1", "pitch:2"], ["bar", "pitch:1"])


def test_columns_and_copy_scores_follow_the_distances() -> None:
    arrays = {
        "layers.0.input_weight": np.arange(7, dtype=np.float32)[None],  # 2 of the step, 2 x 2 of earlier ones, 1 other
        "copy_logits.weight": np.array([[1.0], [2.0]], np.float32),
        "copy_logits.agreements": np.array([[1.0, 2.0]], np.float32),
    }
    result = looking_back(arrays, before=(1, -2), after=(1, -1, -2), embedding=2, lookback=2)
    assert result["layers.0.input_weight"].tolist() == [[0, 1, 2, 3, 0, 0, 4, 5, 6]]
    assert result["copy_logits.weight"].tolist() == [[1], [0], [2]]
    assert result["copy_logits.agreements"].tolist() == [[1, 0, 2]]
    none = looking_back({"layers.0.input_weight": np.ones((1, 3))}, before=(), after=(1,), embedding=2, lookback=2)
    assert none["layers.0.input_weight"].tolist() == [[1, 1, 0, 0, 1]]


def test_an_extended_model_predicts_almost_the_same(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    notes = [(TICKS_PER_QUARTER * n, TICKS_PER_QUARTER * (n + 1), 60 + n % 23, 80, 0) for n in range(40)]
    song = Piece(Song.from_events(note_array(notes)))
    seqforge.load("chorales").plugin.write([song], tmp_path / "corpus" / "song.mid")
    model = seqforge.train(
        "midi", corpus=str(tmp_path / "corpus"), split="1,0,0", bar_repeats=False, copy_logits=False, lookback=4,
        hidden=8, embedding=8, layers=1, steps=30, run=tmp_path / "run",
    )  # fmt: skip
    extend_model(model, {"bar_repeats": True}, tmp_path / "model.safetensors")
    extended = seqforge.load(tmp_path / "model.safetensors")
    config = extended.header.network
    assert (config.distances, config.copy_logits) == ((1, 2, 4, 8, 0, -1, -2), True)
    before, after = model.score(song.content).nats, extended.score(song.content).nats
    assert before < after < before + 10 * np.log1p(64 * np.exp(-5))


def test_a_model_that_does_not_look_back_is_extended_without_a_change(tmp_path: Path) -> None:
    text = "to be or not to be, that is the question: to be"
    (tmp_path / "text.txt").write_text(text * 20)
    model = seqforge.train(
        "text", corpus=str(tmp_path / "text.txt"), lookback=0, hidden=8, embedding=8, layers=1, steps=5,
        run=tmp_path / "run",
    )  # fmt: skip
    extend_model(model, {}, tmp_path / "model.safetensors")
    extended = seqforge.load(tmp_path / "model.safetensors")
    config = extended.header.network
    assert (config.distances, config.lookback, config.copy_logits) == ((0,), 48, True)
    assert extended.score(text).nats == pytest.approx(model.score(text).nats, rel=1e-5)


def test_a_label_is_added_without_a_change_and_then_learnt(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    notes = [(TICKS_PER_QUARTER * n, TICKS_PER_QUARTER * (n + 1), 60 + 2 * (n % 7), 80, 0) for n in range(40)]
    song = Piece(Song.from_events(note_array(notes)))
    seqforge.load("chorales").plugin.write([song], tmp_path / "corpus" / "song.mid")
    model = seqforge.train(
        "midi", corpus=str(tmp_path / "corpus"), split="1,0,0", encoding="chorale", song_labels="polyphony",
        hidden=8, embedding=8, layers=1, lookback=4, steps=5, run=tmp_path / "run",
    )  # fmt: skip
    path = tmp_path / "model.safetensors"
    extend_model(model, {"song_labels": "key,density,polyphony"}, path)
    extended = seqforge.load(path)
    assert list(extended.codec.labels) == ["density", "key", "polyphony"]
    before = model.arrays()["conditioning.embeddings.0"]
    np.testing.assert_array_equal(extended.arrays()["conditioning.embeddings.2"], before)
    assert extended.score(song.content).nats == pytest.approx(model.score(song.content).nats, rel=1e-5)
    trained = seqforge.train(
        "midi", corpus=str(tmp_path / "corpus"), split="1,0,0", encoding="chorale", song_labels="key,density,polyphony",
        init=str(path), steps=5, run=tmp_path / "further",
    )  # fmt: skip
    new = trained.arrays()["start_weight"][:, 1:] - extended.arrays()["start_weight"][:, 1:]
    assert np.abs(new).sum(0).all()
    with pytest.raises(ValueError, match="polyphony"):
        extend_model(model, {"song_labels": "key"}, path)

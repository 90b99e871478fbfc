"""Models that read features: training, generation, scores, and the errors of features that do not fit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakekit import TINY

import seqforge
from seqforge import Model, Piece
from seqforge.api.generation_request import GenerationRequest
from seqforge.api.output import generate_files
from seqforge.api.replay import replay
from seqforge.errors import CorpusError, OptionsError, RequestError

KINDS = 3


def write_corpus(folder: Path) -> Path:
    """Write rows that repeat the number of their kind; the features of a row are its kind, one-hot."""
    folder.mkdir()
    kinds = np.random.default_rng(0).integers(0, KINDS, 240)
    rows = [" ".join([str(kind)] * (2 + number % 3)) for number, kind in enumerate(kinds)]
    (folder / "rows.num").write_text("\n".join(rows) + "\n")
    np.save(folder / "features.npy", np.eye(KINDS, dtype=np.float32)[kinds])
    return folder


@pytest.fixture(scope="module", params=["state", "both"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A tiny model whose rows follow from their features."""
    from fakekit import isolate

    folder = tmp_path_factory.mktemp("features")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        write_corpus(folder / "rows")
        return seqforge.train(
            "numbers", corpus=str(folder / "rows"), split="0.8,0.1,0.1", steps=60, run=folder / "run",
            features_at=request.param, **TINY,
        )  # fmt: skip


def test_pieces_follow_from_their_features(model: Model) -> None:
    pieces = model.generate(6, features=np.eye(KINDS), greedy=True)
    assert [set(piece.content) for piece in pieces] == [{0}, {1}, {2}] * 2
    first = {next(iter(model.next(features=row))) for row in np.eye(KINDS)}
    assert len(first) == KINDS


def test_piece_does_not_depend_on_the_other_rows(model: Model) -> None:
    together = model.generate(4, features=np.eye(KINDS), seed=3)
    again = model.generate(4, features=np.eye(KINDS), seed=3)
    alone = model.generate(1, features=np.eye(KINDS)[:1], seed=3)
    assert together == again
    assert together[0].content == alone[0].content


def test_beams_follow_from_their_features(model: Model) -> None:
    together = model.generate(4, features=np.eye(KINDS)[:2], beams=4)
    alone = [model.generate(2, features=row, beams=4) for row in np.eye(KINDS)[:2]]
    assert [piece.content for piece in together[::2]] == [piece.content for piece in alone[0]]
    assert [piece.content for piece in together[1::2]] == [piece.content for piece in alone[1]]


def test_score_and_evaluation_use_the_features(model: Model, tmp_path: Path) -> None:
    right, wrong = (Piece((1, 1, 1), features=np.eye(KINDS, dtype=np.float32)[kind]) for kind in (1, 2))
    assert model.score(right).nats < model.score(wrong).nats
    other = write_corpus(tmp_path / "other")
    right_features = np.load(other / "features.npy")
    np.save(other / "features.npy", np.roll(right_features, 1, axis=1))
    losses = [model.evaluate(corpus, split="train").nats_per_unit for corpus in (None, str(other))]
    assert losses[0] < losses[1] - 0.2


def test_file_is_replayed_with_its_features(model: Model, tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.eye(KINDS))
    request = GenerationRequest(n=3, features=str(tmp_path / "f.npy"))
    generate_files(model, request, tmp_path / "out")
    assert len(replay(tmp_path / "out").names) == 3
    np.save(tmp_path / "f.npy", np.eye(KINDS)[::-1])
    with pytest.raises(RequestError, match="differ"):
        replay(tmp_path / "out")


ERRORS: dict[str, tuple[Callable[[Model], object], type[Exception]]] = {
    "none": (lambda model: model.generate(), RequestError),
    "another width": (lambda model: model.generate(features=[1, 2]), RequestError),
    "not finite": (lambda model: model.generate(features=[1, 2, np.inf]), OptionsError),
    "a word": (lambda model: model.generate(features=["a"]), OptionsError),
    "no file": (lambda model: model.generate(features="gone.npy"), RequestError),
    "score without": (lambda model: model.score((1, 1)), CorpusError),
}


@pytest.mark.parametrize("fault", ERRORS)
def test_features_that_do_not_fit_are_an_error(model: Model, fault: str) -> None:
    call, kind = ERRORS[fault]
    with pytest.raises(kind):
        call(model)


def test_features_for_a_model_without_are_an_error(trained: dict[str, Model]) -> None:
    with pytest.raises(RequestError) as caught:
        trained["numbers"].generate(features=[1.0])
    assert caught.value.field == "features"


def test_corpus_of_another_width_is_an_error(model: Model, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n" * 40)
    np.save(tmp_path / "a.features.npy", np.zeros((40, 2)))
    with pytest.raises(CorpusError, match="2 features"):
        model.evaluate(str(tmp_path / "a.num"))


def test_initial_state_without_features_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n" * 40)
    with pytest.raises(OptionsError) as caught:
        seqforge.train("numbers", corpus="a.num", steps=1, run=tmp_path / "r", features_at="both", **TINY)
    assert caught.value.field == "features_at"

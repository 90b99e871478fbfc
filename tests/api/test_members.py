import dataclasses
from pathlib import Path

import numpy as np
import pytest
from api_kit import edit_model, folder_of, tensors_of, train

import seqforge
from seqforge import DamagedFileError, Model, OptionsError, RequestError
from seqforge.api.export import export_model
from seqforge.inference import Ensemble
from seqforge.modelfile import write_model

pytestmark = pytest.mark.usefixtures("corpora")


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of three members."""
    import os

    from fakekit import write_corpora

    folder, before = tmp_path_factory.mktemp("members"), Path.cwd()
    write_corpora(folder)
    os.chdir(folder)
    try:
        return train(members=3, steps=6, run=str(folder / "run"))
    finally:
        os.chdir(before)


def test_members_are_one_model_file(averaged: Model, tmp_path: Path) -> None:
    assert averaged.header.members == 3 and isinstance(averaged.engine, Ensemble)
    assert averaged.path is not None and seqforge.load(averaged.path).generate(seed=1) == averaged.generate(seed=1)
    paths = []
    for number, member in enumerate(averaged.members):
        paths.append(tmp_path / f"{number}.safetensors")
        write_model(paths[-1], dataclasses.replace(averaged.header, members=1), dict(member.arrays))
    alone = [seqforge.load(path) for path in paths]
    expected = alone[0]
    expected.ensemble_with(alone[1:])
    assert [piece.content for piece in averaged.generate(2, seed=3)] == [
        piece.content for piece in expected.generate(2, seed=3)
    ]
    assert averaged.score("the end").nats == pytest.approx(expected.score("the end").nats, rel=1e-6)
    averaged.save(tmp_path / "copy.safetensors")
    assert seqforge.load(tmp_path / "copy.safetensors").score("the end") == averaged.score("the end")


def test_evaluation_by_torch_and_scores_agree(averaged: Model) -> None:
    corpus = str(folder_of(averaged).parent / "a.txt")
    evaluation = averaged.evaluate(corpus, split="valid")
    _, prepared, split = averaged.prepare_split(corpus, "valid")
    pieces = [averaged.codec.decode(prepared.datasets[split].example(n)) for n in range(evaluation.pieces)]
    assert sum(averaged.score(piece).nats for piece in pieces) == pytest.approx(evaluation.nats, rel=1e-4)
    assert averaged.hidden_states("the").shape == (4, 1, averaged.weights.config.hidden)


def test_resumed_run_with_a_teacher_is_exact(averaged: Model) -> None:
    flags = {"steps": 8, "distil": str(averaged.path), "distil_weight": 0.7, "members": 2}
    whole, parts = train(run="whole", **flags), train(run="parts", stop_at=5, **flags)
    assert train(resume="parts").header.members == 2
    for name in ("state", "model"):
        assert tensors_of(folder_of(whole) / f"{name}.safetensors") == tensors_of(
            folder_of(parts) / f"{name}.safetensors"
        )
    assert whole.header.provenance["distil"] == "run" and whole.header.codec == averaged.header.codec


def test_members_as_initial_weights(averaged: Model) -> None:
    model = train(init=str(averaged.path), steps=1, learning_rate=1e-9, warmup=0, ema=0)
    first = averaged.weights.arrays["head.bias"]
    assert model.header.members == 1 and np.abs(model.weights.arrays["head.bias"] - first).max() < 1e-6


def test_a_model_of_members_is_not_exported_as_one_network(averaged: Model, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as error:
        export_model(averaged, tmp_path / "out", to="pytorch")
    assert error.value.field == "to" and not (tmp_path / "out").exists()


def test_damaged_number_of_members(averaged: Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for members in (0, 2, 4, 65, True, "3"):
        averaged.save(path)
        edit_model(path, lambda header, value=members: header.update(members=value))
        with pytest.raises(DamagedFileError):
            seqforge.load(path)


def test_wrong_teachers(trained: dict[str, Model]) -> None:
    wrong = {"numbers": {"plugin": "text"}, "byte": {"plugin": "text", "init": str(trained["text"].path)}}
    for name, flags in wrong.items():
        with pytest.raises(OptionsError) as error:
            train(distil=str(trained[name].path), steps=1, **flags)
        assert error.value.field == "distil", name
    for weight in (-0.1, 1.5, float("nan")):
        with pytest.raises(OptionsError) as error:
            train(steps=1, distil_weight=weight)
        assert error.value.field == "distil_weight"

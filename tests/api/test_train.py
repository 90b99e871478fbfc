import errno
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakekit import TINY, number_rows, prose

import seqforge
from seqforge import Model, OptionsError, RunError, WriteError
from seqforge.api import RunStarted, SampleWritten
from seqforge.core.tensorfile import TensorFile
from seqforge.errors import CorpusError, DamagedFileError, PluginError, UsageError
from seqforge.training import Ended


@pytest.fixture(autouse=True)
def corpora(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(prose())
    (tmp_path / "b.txt").write_text(prose(seed=7))
    (tmp_path / "a.num").write_text(number_rows())


def tensors(path: Path) -> dict[str, bytes]:
    file = TensorFile(path, "model")
    return {name: file.array(name).tobytes() for name in file.tensors}


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def train(plugin: str = "text", corpus: Any = "a.txt", **options: Any) -> Model:
    shape = {} if options.get("resume") else dict(TINY)
    return seqforge.train(plugin, corpus=corpus, **{**shape, **options})


def folder_of(model: Model) -> Path:
    assert model.path is not None
    return model.path.parent


# -- a run and what it leaves ---------------------------------------------------------------------


def test_train_returns_a_model_and_leaves_the_folder_of_the_design() -> None:
    model = train(steps=10)
    folder = folder_of(model)
    assert folder == Path("runs/text/0001")
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors", "state.safetensors", "metrics.jsonl", "config.toml", "samples",
    }  # fmt: skip
    assert [path.suffix for path in (folder / "samples").iterdir()] == [".txt"]
    assert len(model.generate(length=20)) == 1


def test_runs_are_numbered_on() -> None:
    folders = [folder_of(train(steps=1)).name for _ in range(2)]
    Path("runs/text/0007").mkdir()
    assert [*folders, folder_of(train(steps=1)).name] == ["0001", "0002", "0008"]


def test_the_same_run_twice_gives_the_same_bytes() -> None:
    first, second = train(steps=10), train(steps=10)
    assert tensors(folder_of(first) / "model.safetensors") == tensors(folder_of(second) / "model.safetensors")
    other = train(steps=10, seed=1)
    assert tensors(folder_of(first) / "model.safetensors") != tensors(folder_of(other) / "model.safetensors")


def test_config_toml_holds_everything_resolved() -> None:
    folder = folder_of(train(steps=3))
    told = tomllib.loads((folder / "config.toml").read_text())
    assert told["plugin"] == "text" and told["corpus"] == [str(Path("a.txt").absolute())]
    assert {name: told["settings"][name] for name in TINY} == dict(TINY)
    assert told["settings"]["dropout"] == 0.2 and told["settings"]["steps"] == 3
    assert told["options"] == {"level": "char", "piece": "file"}
    assert set(told["versions"]) == {"seqforge", "plugin", "torch", "numpy", "python"}


def test_a_config_is_enough_to_repeat_the_run() -> None:
    folder = folder_of(train(steps=5, learning_rate=0.01, level="word", dropout=0.2))
    told = tomllib.loads((folder / "config.toml").read_text())
    again = seqforge.train(told["plugin"], corpus=told["corpus"], **told["settings"], **told["options"])
    assert tensors(folder / "model.safetensors") == tensors(folder_of(again) / "model.safetensors")


def test_metrics_are_json_lines_that_end_with_the_end() -> None:
    rows = metrics(folder_of(train(steps=10)))
    assert [row["event"] for row in rows][-2:] == ["valid", "end"]
    assert rows[-1]["t"] == 10 and rows[-1]["finished"] is True
    assert all(isinstance(row["t"], int) for row in rows)


def test_events_tell_the_start_samples_and_the_end() -> None:
    events: list[Any] = []
    train(steps=10, on_event=events.append)
    started = events[0]
    assert isinstance(started, RunStarted) and started.resumed_at == 0 and started.unit == "character"
    assert started.report["files"] == 1 and started.parameters > 1000
    assert [event.text for event in events if isinstance(event, SampleWritten)] != []
    assert isinstance(next(e for e in reversed(events) if not isinstance(e, SampleWritten)), Ended)


def test_the_model_tells_where_it_comes_from() -> None:
    made = train(corpus=["names"], piece="line", steps=2).header.provenance
    assert made["corpus"] == ["names"] and made["licences"][0]["licence"] == "MIT"
    assert "Sean Robertson" in made["licences"][0]["attribution"]
    assert made["pieces"]["train"] > 17_000 and made["steps"] == 2


def test_options_of_a_bundled_corpus_are_its_own_unless_given() -> None:
    assert train(corpus=["names"], steps=1).header.options == {"level": "char", "piece": "line"}
    assert train(corpus=["names"], steps=1, piece="file").header.options["piece"] == "file"


def test_names_have_their_labels() -> None:
    model = train(corpus="names", steps=1)
    assert len(model.header.labels["language"]) == 18
    assert model.generate(2, where={"language": "Irish"})[0].labels == {"language": "Irish"}


def test_the_best_model_on_valid_is_the_one_that_is_kept() -> None:
    model = train(steps=10)
    rows = metrics(folder_of(model))
    best = min(row["nats_per_unit"] for row in rows if row["event"] == "valid")
    assert model.header.provenance["valid_nats_per_unit"] == pytest.approx(best, abs=1e-5)
    assert model.evaluate(split="valid").nats_per_unit == pytest.approx(best, rel=1e-3)


def test_training_makes_a_text_less_surprising() -> None:
    few, many = train(steps=1), train(steps=60, learning_rate=0.02)
    assert many.evaluate().nats_per_unit < few.evaluate().nats_per_unit - 0.2


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_cell_trains_and_generates(cell: str) -> None:
    model = train(steps=3, cell=cell)
    assert model.network.config.cell == cell and len(model.generate(length=5)[0].content) <= 5


def test_epochs_are_a_budget_too() -> None:
    rows = metrics(folder_of(train("numbers", "a.num", epochs=1)))
    last = rows[-1]
    assert last["finished"] is True and 5 < last["t"] < 60


# -- a domain that is no text ---------------------------------------------------------------------


def test_numbers_train_generate_write_and_evaluate_without_an_edit_to_the_core(tmp_path: Path) -> None:
    model = train("numbers", "a.num", steps=10, order="up")
    made = model.generate(5, first=7, length=6)
    assert all(piece.content[0] == 7 and len(piece.content) <= 6 for piece in made)
    assert all(isinstance(number, int) for piece in made for number in piece.content)
    model.plugin.write(made, tmp_path / "out.num")
    assert len((tmp_path / "out.num").read_text().splitlines()) == 5
    assert model.evaluate().unit == "number" and model.evaluate().pieces > 1
    assert model.header.options == {"order": "up", "largest": 9999}


def test_a_plugin_s_own_default_is_used_where_nothing_is_given() -> None:
    assert train("numbers", "a.num", steps=1).header.options == {"order": "kept", "largest": 9999}


# -- resume ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plugin", "corpus", "more"),
    [
        ("text", "a.txt", {}),
        ("text", "a.txt", {"cell": "rnn"}),
        ("numbers", "a.num", {"dropout": 0.3, "label_dropout": 0.5}),
    ],
)
def test_twenty_steps_are_twelve_and_a_resumed_run(plugin: str, corpus: str, more: dict[str, Any]) -> None:
    whole = folder_of(train(plugin, corpus, steps=20, **more))
    part = folder_of(train(plugin, corpus, steps=20, stop_at=12, **more))
    assert metrics(part)[-1]["finished"] is False and metrics(part)[-1]["t"] == 12
    again = folder_of(train(plugin, None, resume=part))
    assert again == part
    for name in ("model.safetensors", "state.safetensors"):
        assert tensors(whole / name) == tensors(part / name)
    rows = metrics(part)
    assert len({(row["event"], row["t"]) for row in rows}) == len(rows)
    assert rows[-1]["t"] == 20 and rows[-1]["finished"] is True


def test_a_run_stopped_twice_is_the_same_too() -> None:
    whole = folder_of(train(steps=20))
    part = folder_of(train(steps=20, stop_at=5))
    train(corpus=None, resume=part, stop_at=11)
    train(corpus=None, resume=True)
    assert tensors(whole / "state.safetensors") == tensors(part / "state.safetensors")


def test_metrics_past_the_saved_step_are_forgotten_on_resume() -> None:
    part = folder_of(train(steps=20, stop_at=12))
    with (part / "metrics.jsonl").open("a") as file:
        file.write('{"event": "train", "t": 15, "nats_per_unit": 1}\n{"event": "tra')
    train(corpus=None, resume=part)
    rows = metrics(part)
    assert [row["t"] for row in rows] == sorted(row["t"] for row in rows)
    assert 15 not in [row["t"] for row in rows]


def test_an_interruption_is_saved_and_resumed() -> None:
    whole = folder_of(train(steps=20))
    asked = iter([False] * 2)
    part = folder_of(train(steps=20, stop_at=None, stopping=lambda: not next(asked, False)))
    assert tensors(part / "model.safetensors")
    train(corpus=None, resume=part)
    assert tensors(whole / "state.safetensors") == tensors(part / "state.safetensors")


def test_the_newest_unfinished_run_is_resumed() -> None:
    train(steps=3)
    part = folder_of(train(steps=10, stop_at=4))
    train(steps=3)
    assert folder_of(train(corpus=None, resume=True)) == part


def test_without_an_unfinished_run_resuming_is_one_sentence() -> None:
    train(steps=2)
    with pytest.raises(RunError, match="no unfinished run of 'text' under runs/text; start one without --resume"):
        train(corpus=None, resume=True)


def test_resuming_a_finished_run_changes_nothing() -> None:
    folder = folder_of(train(steps=4))
    before = tensors(folder / "model.safetensors")
    train(corpus=None, resume=folder)
    assert tensors(folder / "model.safetensors") == before
    rows = metrics(folder)
    assert len({(row["event"], row["t"]) for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"hidden": 32}, r"--hidden 32 \(the run has 16\)"),
        ({"learning_rate": 0.1}, r"--learning-rate 0\.1 \(the run has 0\.005\)"),
        ({"steps": 30}, r"--steps 30 \(the run has 10\)"),
        ({"level": "word"}, r"--level word \(the run has char\)"),
        ({"corpus": "b.txt"}, r"--corpus b\.txt"),
        ({"init": "x.safetensors"}, r"--init x\.safetensors"),
        ({"minutes": 3.0}, r"--minutes 3\.0 \(the run has None\)"),
    ],
)
def test_resuming_with_changed_options_is_refused(changed: dict[str, Any], told: str) -> None:
    part = folder_of(train(steps=10, stop_at=4))
    with pytest.raises(RunError, match=told):
        train(**{"corpus": None, "resume": part, **changed})


def test_resuming_with_the_same_options_is_accepted() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    train(resume=part, hidden=16, level="char", steps=10, precision="float32")


def test_an_unknown_option_on_resume_is_named() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    with pytest.raises(OptionsError, match="no option 'flavour'"):
        train(corpus=None, resume=part, flavour="sweet")


def test_resuming_another_plugin_s_run_is_refused() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    with pytest.raises(RunError, match="is a run of the plugin 'text', not 'numbers'"):
        train("numbers", None, resume=part)


def test_resuming_after_the_corpus_changed_is_refused() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    Path("a.txt").write_text(prose(seed=3))
    with pytest.raises(RunError, match="has changed since the run was started"):
        train(corpus=None, resume=part)


def test_resuming_a_folder_without_a_state_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no state to resume from"):
        train(corpus=None, resume=tmp_path)


def test_a_damaged_state_is_one_sentence() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    state = part / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(DamagedFileError, match=r"state\.safetensors cannot be used"):
        train(corpus=None, resume=part)


# -- init -----------------------------------------------------------------------------------------


def test_init_starts_from_the_model_s_weights_and_codec() -> None:
    base = train(steps=20)
    tuned = seqforge.train("text", corpus="b.txt", init=str(base.path), steps=1, learning_rate=1e-9,
                           precision="float32", threads=1)  # fmt: skip
    assert tuned.codec.to_json() == base.codec.to_json()
    assert tuned.network.config == base.network.config
    for name, weight in base.network.state_dict().items():
        assert np.allclose(weight, tuned.network.state_dict()[name], atol=1e-6)
    assert tuned.header.provenance["init"] == "model.safetensors"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"hidden": 32}, "--hidden 32 does not fit --init: that model has 16"),
        ({"cell": "gru"}, "--cell gru does not fit --init: that model has lstm"),
        ({"level": "word"}, "--level word does not fit --init: that model has char"),
    ],
)
def test_init_with_a_conflicting_shape_or_option_is_refused(given: dict[str, Any], told: str) -> None:
    base = train(steps=2)
    with pytest.raises(OptionsError, match=told):
        seqforge.train("text", corpus="b.txt", init=str(base.path), steps=1, **given)


def test_init_with_the_model_s_own_shape_is_accepted() -> None:
    base = train(steps=2)
    seqforge.train("text", corpus="b.txt", init=str(base.path), steps=1, hidden=16, level="char", threads=1)


def test_init_with_a_model_of_another_plugin_is_one_sentence() -> None:
    other = train("numbers", "a.num", steps=2)
    with pytest.raises(seqforge.SeqforgeError, match="numbers"):
        seqforge.train("text", corpus="b.txt", init=str(other.path), steps=1)


def test_init_keeps_what_the_corpus_alone_would_not_know(tmp_path: Path) -> None:
    base = train(steps=2)
    (tmp_path / "c.txt").write_text("aaa bbb \N{SNOWMAN}\n" * 100)
    told: list[Any] = []
    seqforge.train("text", corpus="c.txt", init=str(base.path), steps=1, threads=1, on_event=told.append)
    assert told[0].report["unseen"] == {"\N{SNOWMAN}": 100}


def test_init_shipped_without_one_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.registry.shipped", lambda plugin: [])
    with pytest.raises(UsageError, match="no model ships with the plugin 'text'"):
        seqforge.train("text", corpus="a.txt", init="shipped", steps=1)


def test_a_run_with_init_is_resumed_exactly() -> None:
    base = train(steps=2)
    more = {"init": str(base.path), "steps": 10, "threads": 1, "precision": "float32"}
    whole = folder_of(seqforge.train("text", corpus="b.txt", **more))
    part = folder_of(seqforge.train("text", corpus="b.txt", stop_at=4, **more))
    seqforge.train("text", resume=part)
    assert tensors(whole / "state.safetensors") == tensors(part / "state.safetensors")


# -- what cannot be trained -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"flavour": 1}, "the plugin 'text' has no option 'flavour'; it has level, piece"),
        ({"lable": 1}, "no option 'lable'"),
        ({"steps": 5, "minutes": 1.0}, "--steps and --minutes are given; give one of them"),
        ({"steps": 0}, "--steps is 0; it must be more than 0"),
        ({"size": "huge"}, "size is 'huge'; allowed are small, medium, large"),
        ({"seed": -1}, "seed is -1"),
        ({"hidden": 0}, "hidden"),
        ({"layers": 0}, "layers"),
        ({"embedding": -1}, "embedding"),
        ({"cell": "transformer"}, "cell"),
        ({"level": "syllable"}, "level"),
        ({"precision": "float16"}, "precision"),
        ({"dropout": 1.0}, "--dropout is 1; it must be from 0 to below 1"),
        ({"label_dropout": -0.5}, "--label-dropout is -0.5"),
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"window": 1}, "window is 1"),
        ({"learning_rate": 0.0}, "--learning-rate is 0"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"device": "quantum"}, "--device quantum cannot be used here"),
        ({"threads": 0}, "threads"),
        ({"threads": -2}, "threads"),
    ],
)
def test_an_option_that_is_not_allowed_is_one_sentence(options: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionsError, match=told) as caught:
        train(**{"steps": 1, **options})
    assert "\n" not in str(caught.value)


def test_a_corpus_without_a_train_side_is_one_sentence(tmp_path: Path) -> None:
    for side in ("train", "valid"):
        (tmp_path / "d" / side).mkdir(parents=True)
    (tmp_path / "d" / "train" / "a.num").write_text("nonsense\n")
    (tmp_path / "d" / "valid" / "a.num").write_text("1 2\n")
    with pytest.raises(CorpusError, match=r"no piece is left to train on: .*nonsense"):
        train("numbers", "d", steps=1)


def test_a_run_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    train(steps=1, run=tmp_path / "r")
    with pytest.raises(RunError, match="holds a run already; give --resume to go on with it"):
        train(steps=1, run=tmp_path / "r")


def test_a_run_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"cannot write .*a part of its path is a file, not a folder"):
        train(steps=1, run=tmp_path / "a.txt" / "run")


def test_a_full_disk_while_saving_is_one_sentence_and_the_old_files_stay(
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
    whole = folder_of(train(steps=20))
    train(corpus=None, resume=part)
    assert tensors(part / "state.safetensors") == tensors(whole / "state.safetensors")


def test_a_plugin_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(PluginError, match=r"there is no plugin 'txt'; installed are .*Did you mean 'text'"):
        train("txt")


def test_a_plugin_without_a_default_corpus_says_so() -> None:
    with pytest.raises(UsageError, match="no default corpus for 'numbers' is installed; name one with --corpus"):
        train("numbers", None, steps=1)


def test_importing_seqforge_imports_neither_torch_nor_a_plugin() -> None:
    import subprocess
    import sys

    script = "import sys, seqforge; print([m for m in sys.modules if m.split('.')[0] in ('torch', 'seqforge_text')])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"

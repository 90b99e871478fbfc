"""Runs that are stopped and resumed."""

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_kit import edit_model, folder_of, metrics_of, tensors_of, train
from fakekit import PLUGIN, install, prose

from seqforge import DamagedFileError, OptionsError, Piece, Plugin, RunError
from seqforge.plugin import registry
from seqforge.training.precision import PrecisionChoice

pytestmark = pytest.mark.usefixtures("corpora")


@pytest.mark.parametrize(
    ("plugin", "corpus", "options"),
    [
        ("text", "a.txt", {}),
        ("text", "a.txt", {"cell": "rnn"}),
        ("numbers", "a.num", {"dropout": 0.3, "label_dropout": 0.5}),
    ],
)
def test_resumed_run_equals_uninterrupted_run(plugin: str, corpus: str, options: dict[str, Any]) -> None:
    complete = folder_of(train(plugin, corpus, steps=20, **options))
    part = folder_of(train(plugin, corpus, steps=20, stop_at=12, **options))
    assert metrics_of(part)[-1]["finished"] is False and metrics_of(part)[-1]["t"] == 12
    again = folder_of(train(plugin, None, resume=part))
    assert again == part
    for name in ("model.safetensors", "state.safetensors"):
        assert tensors_of(complete / name) == tensors_of(part / name)
    rows = metrics_of(part)
    assert len({(row["event"], row["t"]) for row in rows}) == len(rows)
    assert rows[-1]["t"] == 20 and rows[-1]["finished"] is True


def test_run_that_is_stopped_twice_equals_uninterrupted_run() -> None:
    complete = folder_of(train(steps=20))
    part = folder_of(train(steps=20, stop_at=5))
    train(corpus=None, resume=part, stop_at=11)
    train(corpus=None, resume=True)
    assert tensors_of(complete / "state.safetensors") == tensors_of(part / "state.safetensors")


def test_metrics_after_the_saved_step_are_removed_on_resume() -> None:
    part = folder_of(train(steps=20, stop_at=12))
    with (part / "metrics.jsonl").open("a") as file:
        file.write('{"event": "train", "t": 15, "nats_per_unit": 1}\n{"event": "tra')
    train(corpus=None, resume=part)
    rows = metrics_of(part)
    assert [row["t"] for row in rows] == sorted(row["t"] for row in rows)
    assert 15 not in [row["t"] for row in rows]


def test_interrupted_run_is_saved_and_resumed() -> None:
    complete = folder_of(train(steps=20))
    answers = iter([False] * 2)
    part = folder_of(train(steps=20, stop_at=None, should_stop=lambda: not next(answers, False)))
    assert tensors_of(part / "model.safetensors")
    train(corpus=None, resume=part)
    assert tensors_of(complete / "state.safetensors") == tensors_of(part / "state.safetensors")


def test_resumed_run_keeps_its_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    choice = PrecisionChoice("bfloat16", "it is fast here")
    monkeypatch.setattr("seqforge.training.precision.choose_precision", lambda *_: choice)
    part = folder_of(train(steps=6, stop_at=3, precision="auto", on_message=messages.append))
    assert "note: precision bfloat16, because it is fast here" in messages

    def choose_again(*_: Any) -> PrecisionChoice:
        raise AssertionError("the precision was chosen again")

    monkeypatch.setattr("seqforge.training.precision.choose_precision", choose_again)
    events: list[Any] = []
    model = train(corpus=None, resume=part, precision="auto", on_event=events.append)
    assert events[0].training.precision == "bfloat16"
    assert model.header.provenance["training"]["precision"] == "bfloat16"


def test_newest_unfinished_run_is_resumed() -> None:
    train(steps=3)
    part = folder_of(train(steps=10, stop_at=4))
    train(steps=3)
    assert folder_of(train(corpus=None, resume=True)) == part


def test_resume_without_unfinished_run_is_an_error() -> None:
    train(steps=2)
    with pytest.raises(RunError, match="no unfinished run of 'text' in runs/text"):
        train(corpus=None, resume=True)


def test_resuming_a_finished_run_changes_nothing() -> None:
    folder = folder_of(train(steps=4))
    before = tensors_of(folder / "model.safetensors")
    train(corpus=None, resume=folder)
    assert tensors_of(folder / "model.safetensors") == before
    rows = metrics_of(folder)
    assert len({(row["event"], row["t"]) for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("changed", "fragment"),
    [
        ({"hidden": 32}, "`hidden` is 32 and was 16"),
        ({"learning_rate": 0.1}, "`learning_rate` is 0.1 and was 0.005"),
        ({"steps": 30}, "`steps` is 30 and was 10"),
        ({"level": "word"}, "`level` is word and was char"),
        ({"corpus": "b.txt"}, "`corpus` is 'b.txt' and was "),
        ({"init": "text"}, "`init` is text and was not set"),
        ({"minutes": 3.0}, "`minutes` is 3.0 and was None"),
        ({"hidden": 32, "level": "word"}, "`hidden` is 32 and was 16, `level` is word and was char"),
    ],
)
def test_resume_with_changed_options_is_an_error(changed: dict[str, Any], fragment: str) -> None:
    part = folder_of(train(steps=10, stop_at=4))
    with pytest.raises(RunError) as caught:
        train(**{"corpus": None, "resume": part, **changed})
    assert fragment in str(caught.value)


def test_resume_with_equal_options() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    train(resume=part, hidden=16, level="char", steps=10, precision="float32")


def test_resume_on_a_device_that_does_not_exist_is_an_error() -> None:
    part = folder_of(train(steps=10, stop_at=4))

    def edit(metadata: dict[str, Any]) -> None:
        config = metadata["config"]
        config["training"]["device"] = "C:\\x"

    edit_model(part / "state.safetensors", edit)
    with pytest.raises(OptionsError) as caught:
        train(corpus=None, resume=part)
    assert caught.value.field == "device"


def test_resume_with_a_network_that_exceeds_the_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    part = folder_of(train(steps=10, stop_at=4))

    def allocate(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 68719476736 bytes.")

    monkeypatch.setattr("seqforge.api.build_trainer.Network", allocate)
    with pytest.raises(OptionsError) as caught:
        train(corpus=None, resume=part)
    assert (caught.value.field, caught.value.value) == ("hidden", 16)


def test_unknown_option_on_resume_is_an_error() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    with pytest.raises(OptionsError) as caught:
        train(corpus=None, resume=part, flavour="sweet")
    assert caught.value.field == "flavour"


def test_resume_of_a_run_of_another_plugin_is_an_error() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    with pytest.raises(RunError, match="is a run of the plugin 'text', not 'numbers'"):
        train("numbers", None, resume=part)


def test_resume_after_the_corpus_has_changed_is_an_error() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    Path("a.txt").write_text(prose(seed=3))
    with pytest.raises(RunError, match="has changed since the run was started"):
        train(corpus=None, resume=part)


@pytest.fixture
def edited_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[EditedPlugin]":
    """A function that edits the source of an installed plugin without effect, and returns the plugin's class."""
    code = PLUGIN.replace('    name = "good"', '    name = "good"\n    reads = (".txt",)')
    monkeypatch.syspath_prepend(install(tmp_path / "site", code))
    monkeypatch.delitem(sys.modules, "fake_good", raising=False)

    def edit() -> type[Plugin[Any, Any, Any]]:
        with (tmp_path / "site" / "fake_good.py").open("a") as file:
            file.write("# a comment\n")
        return type(registry.load("good"))

    yield edit
    sys.modules.pop("fake_good", None)


EditedPlugin = Callable[[], type[Plugin[Any, Any, Any]]]


def test_run_is_resumed_after_a_change_of_the_plugin_that_keeps_the_data(edited_plugin: EditedPlugin) -> None:
    complete = folder_of(train("good", steps=20))
    part = folder_of(train("good", steps=20, stop_at=12))
    before = tomllib.loads((part / "config.toml").read_text())
    edited_plugin()
    messages: list[str] = []
    train("good", None, resume=part, on_message=messages.append)
    after = tomllib.loads((part / "config.toml").read_text())
    assert after["data"] != before["data"] and after["content"] == before["content"]
    assert "note: the plugin 'good' has changed since the run was started; its data is the same" in messages
    assert tensors_of(complete / "state.safetensors") == tensors_of(part / "state.safetensors")


def read_upper(self: Any, path: Path, options: Any) -> Iterator[Piece[str]]:
    yield Piece(path.read_text().upper())


def tokenise_lower(self: Any, content: str) -> list[str]:
    return list(content.lower().replace("q", "k"))


@pytest.mark.parametrize(
    ("owner", "name", "change"), [("plugin", "read", read_upper), ("codec", "tokenise", tokenise_lower)]
)
def test_run_is_not_resumed_after_a_change_of_the_plugin_that_changes_the_data(
    edited_plugin: EditedPlugin, monkeypatch: pytest.MonkeyPatch, owner: str, name: str, change: Any
) -> None:
    part = folder_of(train("good", steps=20, stop_at=12))
    files = {path: path.read_bytes() for path in part.iterdir() if path.is_file()}
    plugin = edited_plugin()
    monkeypatch.setattr(plugin if owner == "plugin" else plugin.codec, name, change)
    with pytest.raises(
        RunError, match=r"the plugin 'good' has changed .* install the version of that time \(fake-good"
    ):
        train("good", None, resume=part)
    assert {path: path.read_bytes() for path in part.iterdir() if path.is_file()} == files


def test_resume_of_a_folder_without_state_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no state to resume from .*state\.safetensors"):
        train(corpus=None, resume=tmp_path)


def test_damaged_state_is_an_error() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    state = part / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(DamagedFileError, match=r"state\.safetensors cannot be used"):
        train(corpus=None, resume=part)


def test_resume_and_run_that_differ_are_an_error() -> None:
    with pytest.raises(OptionsError) as caught:
        train(corpus=None, resume="runs/text/0001", run="runs/text/0002")
    assert caught.value.field == "resume"

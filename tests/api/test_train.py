import tomllib
from pathlib import Path
from typing import Any

import pytest
from api_kit import folder_of, metrics_of, tensors_of, train
from fakekit import TINY

import seqforge
from seqforge import WriteError
from seqforge.api.run_writer import SampleWritten
from seqforge.api.train import RunStarted
from seqforge.training import Ended

pytestmark = pytest.mark.usefixtures("corpora")


def test_sample_that_cannot_be_written_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise WriteError("the disk is full")

    monkeypatch.setattr("seqforge.api.run_writer.write_pieces", fail)
    model = train(steps=3)
    assert folder_of(model).joinpath("model.safetensors").is_file()
    assert not list((folder_of(model) / "samples").glob("*"))
    assert "the sample of step 3 was not written: the disk is full" in caplog.text


def test_train_returns_a_model_and_writes_the_files_of_a_run() -> None:
    model = train(steps=10)
    folder = folder_of(model)
    assert folder == Path("runs/text/0001")
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors", "state.safetensors", "metrics.jsonl", "config.toml", "samples",
    }  # fmt: skip
    assert [path.suffix for path in (folder / "samples").iterdir()] == [".txt"]
    assert len(model.generate(length=20)) == 1


def test_runs_are_numbered() -> None:
    folders = [folder_of(train(steps=1)).name for _ in range(2)]
    Path("runs/text/0007").mkdir()
    assert [*folders, folder_of(train(steps=1)).name] == ["0001", "0002", "0008"]


def test_equal_runs_give_equal_models() -> None:
    first, second = train(steps=10), train(steps=10)
    assert tensors_of(folder_of(first) / "model.safetensors") == tensors_of(folder_of(second) / "model.safetensors")
    other = train(steps=10, seed=1)
    assert tensors_of(folder_of(first) / "model.safetensors") != tensors_of(folder_of(other) / "model.safetensors")


def test_config_toml_has_resolved_options() -> None:
    folder = folder_of(train(steps=3))
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["plugin"] == "text" and config["corpus"] == [str(Path("a.txt").absolute())]
    assert {name: config["training"][name] for name in TINY} == dict(TINY)
    assert config["training"]["dropout"] == 0.2 and config["training"]["steps"] == 3
    assert config["options"] == {"level": "char", "piece": "file", "pairs": "", "max_vocabulary": 50_000}
    assert set(config["versions"]) == {"seqforge", "plugin", "torch", "numpy", "python"}


def test_run_can_be_repeated_from_its_config() -> None:
    folder = folder_of(train(steps=5, learning_rate=0.01, level="word", dropout=0.2))
    config = tomllib.loads((folder / "config.toml").read_text())
    again = seqforge.train(config["plugin"], corpus=config["corpus"], **config["training"], **config["options"])
    assert tensors_of(folder / "model.safetensors") == tensors_of(folder_of(again) / "model.safetensors")


def test_metrics_are_json_lines_with_an_end_event() -> None:
    rows = metrics_of(folder_of(train(steps=10)))
    assert [row["event"] for row in rows][-2:] == ["valid", "end"]
    assert rows[-1]["t"] == 10 and rows[-1]["finished"] is True
    assert all(isinstance(row["t"], int) for row in rows)


def test_events_of_a_run() -> None:
    events: list[Any] = []
    train(steps=10, on_event=events.append)
    started = events[0]
    assert isinstance(started, RunStarted) and started.resumed_at == 0 and started.unit == "character"
    assert started.report["files"] == 1 and started.parameters > 1000
    assert [event.text for event in events if isinstance(event, SampleWritten)] != []
    assert isinstance(next(e for e in reversed(events) if not isinstance(e, SampleWritten)), Ended)


def test_provenance_of_a_model() -> None:
    provenance = train(corpus=["names"], piece="line", steps=2).header.provenance
    assert provenance["corpus"] == ["names"] and provenance["licences"][0]["licence"] == "MIT"
    assert "Sean Robertson" in provenance["licences"][0]["attribution"]
    assert provenance["pieces"]["train"] > 17_000 and provenance["steps"] == 2


def test_options_of_corpus_are_defaults() -> None:
    options = {"level": "char", "piece": "line", "pairs": "", "max_vocabulary": 50_000}
    assert train(corpus=["names"], steps=1).header.options == options
    assert train(corpus=["names"], steps=1, piece="file").header.options["piece"] == "file"


def test_labels_of_names() -> None:
    model = train(corpus="names", steps=1)
    assert len(model.header.labels["language"]) == 18
    assert model.generate(2, labels={"language": "Irish"})[0].labels == {"language": "Irish"}


def test_saved_model_is_the_best_on_valid() -> None:
    model = train(steps=10)
    rows = metrics_of(folder_of(model))
    best = min(row["nats_per_unit"] for row in rows if row["event"] == "valid")
    assert model.header.provenance["valid_nats_per_unit"] == pytest.approx(best, abs=1e-5)
    assert model.evaluate(split="valid").nats_per_unit == pytest.approx(best, rel=1e-3)


def test_training_lowers_the_loss() -> None:
    few, many = train(steps=1), train(steps=60, learning_rate=0.02)
    assert many.evaluate().nats_per_unit < few.evaluate().nats_per_unit - 0.2


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_cells_train_and_generate(cell: str) -> None:
    model = train(steps=3, cell=cell)
    assert model.network.config.cell == cell and len(model.generate(length=5)[0].content) <= 5


def test_epochs_as_budget() -> None:
    rows = metrics_of(folder_of(train("numbers", "a.num", epochs=1)))
    last = rows[-1]
    assert last["finished"] is True and 5 < last["t"] < 60


def test_numbers_train_generate_write_and_evaluate(tmp_path: Path) -> None:
    model = train("numbers", "a.num", steps=10, order="up")
    pieces = model.generate(5, first=7, length=6)
    assert all(piece.content[0] == 7 and len(piece.content) <= 6 for piece in pieces)
    assert all(isinstance(number, int) for piece in pieces for number in piece.content)
    model.plugin.write(pieces, tmp_path / "out.num")
    assert len((tmp_path / "out.num").read_text().splitlines()) == 5
    assert model.evaluate().unit == "number" and model.evaluate().pieces > 1
    assert model.header.options == {"order": "up", "largest": 9999}


def test_missing_options_have_the_defaults_of_the_plugin() -> None:
    assert train("numbers", "a.num", steps=1).header.options == {"order": "kept", "largest": 9999}

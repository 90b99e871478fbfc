import csv
import json
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakekit import TINY_FLAGS, Run, in_child, in_process, prose

from tools.fuzz.seeds import TINY


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    (tmp_path / "a.txt").write_text(prose())
    return lambda *arguments: in_process(capsys, "train", *arguments)


TRAIN = ["--plugin", "text", "--corpus", "a.txt", *TINY_FLAGS]


def config_of(folder: str) -> dict[str, Any]:
    return tomllib.loads(Path(folder, "config.toml").read_text())


def test_the_config_of_a_run_repeats_the_run(run: Run) -> None:
    assert run(*TRAIN, "--steps", "3", "--level", "byte").code == 0
    assert run("--config", "runs/text/0001/config.toml").code == 0
    assert config_of("runs/text/0002") == config_of("runs/text/0001")
    models = [Path(f"runs/text/000{number}/model.safetensors").read_bytes() for number in (1, 2)]
    assert models[0] == models[1]
    again = run("--config", "runs/text/0001/config.toml", "--epochs", "0.1", "--seed", "5", "--level", "char")
    assert again.code == 0
    values = config_of("runs/text/0003")
    assert "steps" not in values["training"] and values["training"]["seed"] == 5
    assert values["training"]["hidden"] == 16 and values["options"]["level"] == "char"


def test_the_config_of_a_run_that_started_from_a_model(run: Run) -> None:
    assert run(*TRAIN, "--steps", "1").code == 0
    assert run("--plugin", "text", "--corpus", "a.txt", "--init", "runs/text/0001", "--steps", "1").code == 0
    assert run("--config", "runs/text/0002/config.toml").code == 0
    assert config_of("runs/text/0003") == config_of("runs/text/0002")


def test_a_file_of_flags(run: Run, tmp_path: Path) -> None:
    lines = ['plugin = "text"', 'corpus = "a.txt"', "steps = 2", "quiet = true", 'run = "here"', 'log = "csv"']
    lines += [f"{name} = {json.dumps(value)}" for name, value in TINY.items()]
    (tmp_path / "a.toml").write_text("\n".join(lines) + "\n")
    result = run("--config", "a.toml")
    assert (result.code, result.out, result.err) == (0, "here\n", "")
    assert (tmp_path / "here" / "metrics.csv").exists()
    assert run("--config", "a.toml", "--run", "there").out == "there\n"
    wrong = run("--config", "a.toml", "--plugin", "abc")
    assert wrong.code == 2 and "--plugin is 'abc', but a.toml is for the plugin 'text'" in wrong.err


def test_a_run_that_stops_and_resumes_continues_its_logs(run: Run) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = ["--log", "csv", "--log", "tensorboard", "--quiet"]
    assert run(*TRAIN, "--steps", "100", "--stop-at", "60", *logs).code == 0
    assert run("--plugin", "text", "--resume", "runs/text/0001", *logs).code == 0
    rows = list(csv.DictReader(Path("runs/text/0001/metrics.csv").read_text().splitlines()))
    steps = [int(row["step"]) for row in rows]
    assert steps == sorted(steps) and {60, 100} <= set(steps)
    losses = [float(row["valid_nats_per_unit"]) for row in rows if row["valid_nats_per_unit"]]
    events = EventAccumulator("runs/text/0001/tensorboard").Reload().Scalars("valid/nats_per_unit")
    assert events[-1].step == 100 and [event.value for event in events] == pytest.approx(losses, 1e-4)


class FakeWandb:
    """The part of the API of wandb that is used, which records the calls."""

    def __init__(self) -> None:
        self.settings: list[dict[str, Any]] = []
        self.values: list[tuple[int, dict[str, Any]]] = []
        self.finished = 0

    def init(self, **settings: Any) -> Any:
        self.settings.append(settings)
        return SimpleNamespace(id=settings["id"] or "abc123", log=self._log, finish=self._finish)

    def _log(self, values: dict[str, Any], step: int) -> None:
        self.values.append((step, values))

    def _finish(self) -> None:
        self.finished += 1


def test_weights_and_biases(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)  # type: ignore[arg-type]
    assert run(*TRAIN, "--steps", "3", "--stop-at", "2", "--log", "wandb").code == 0
    assert run("--plugin", "text", "--resume", "runs/text/0001", "--log", "wandb").code == 0
    first, second = wandb.settings
    assert first["project"] == "seqforge-text" and first["name"] == "text/0001" and first["id"] is None
    assert first["config"]["training"]["hidden"] == 16
    assert second["id"] == "abc123" and second["resume"] == "allow" and wandb.finished == 2
    assert any(step == 3 and "valid_nats_per_unit" in values for step, values in wandb.values)


def test_weights_and_biases_stores_an_offline_run(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    settings = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "HOME": str(tmp_path)}
    settings |= {"WANDB_INIT_TIMEOUT": "900", "WANDB__SERVICE_WAIT": "900", "WANDB__DISABLE_STATS": "true"}
    result = in_child("train", *TRAIN, "--steps", "3", "--log", "wandb", "--quiet", **settings)
    assert (result.code, result.out) == (0, "runs/text/0001\n")
    folder = tmp_path / "runs/text/0001"
    (stored,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    assert stored.stem == f"run-{(folder / 'wandb_id.txt').read_text().strip()}"
    content = stored.read_bytes()
    for text in (b"valid_nats_per_unit", b"train_nats_per_unit", b"seqforge-text", b"text/0001"):
        assert text in content


def test_logs_that_do_not_exist_or_are_not_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = run(*TRAIN, "--log", "cvs")
    assert wrong.code == 2 and "--log is 'cvs'; allowed are csv, tensorboard, wandb" in wrong.err
    monkeypatch.setitem(sys.modules, "wandb", None)
    missing = run(*TRAIN, "--log", "wandb")
    assert missing.code == 2 and "pip install 'seqforge-core[wandb]'" in missing.err
    assert not Path("runs").exists()

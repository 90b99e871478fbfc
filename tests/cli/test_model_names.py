"""Every command takes a model as a file, a run folder, a plugin, or the name of a shipped model."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakekit import TINY_FLAGS, Run, prose

from seqforge.api import model_paths

COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "generate": lambda name: ["generate", "--model", name, "--length", "9"],
    "ensemble": lambda name: ["generate", "--plugin", "text", "--model", name, "--model", name, "--length", "9"],
    "evaluate": lambda name: ["evaluate", name, "--split", "valid"],
    "info": lambda name: ["info", name],
    "score": lambda name: ["score", "a.txt", "--model", name],
    "inspect": lambda name: ["inspect", "a.txt", "--model", name],
    "init": lambda name: [
        "train",
        "--plugin",
        "text",
        "--corpus",
        "a.txt",
        "--init",
        name,
        "--steps",
        "1",
        "--threads=1",
    ],
}


@pytest.fixture(autouse=True)
def models(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of text, two shipped models, and a file to read."""
    shutil.copytree(text.parent, tmp_path / "runs" / "text" / "0001")
    (tmp_path / "a.txt").write_text(prose(600))
    names = [("text", "tiny"), ("text", "twin"), ("numbers", "twin")]
    monkeypatch.setattr(model_paths, "shipped_models", lambda: dict.fromkeys(names, text))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "name", ["runs/text/0001/model.safetensors", "runs/text/0001", "runs/text/0001/", "text", "tiny", "text:tiny"]
)
def test_name_of_a_model(run: Run, command: str, name: str) -> None:
    result = run(*COMMANDS[command](name))
    assert result.code == 0, result.err


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"ensemble", "init"}))
def test_ambiguous_name_is_an_error(run: Run, command: str) -> None:
    result = run(*COMMANDS[command]("twin"))
    assert result.code == 2 and result.out == ""
    assert "text:twin, numbers:twin" in result.error_message()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "fragment"),
    [("tinny", "Did you mean 'tiny'?"), ("gone/model.safetensors", "gone/model.safetensors"), ("empty", "empty")],
)
def test_unknown_name_is_an_error(run: Run, tmp_path: Path, command: str, name: str, fragment: str) -> None:
    (tmp_path / "empty").mkdir()
    result = run(*COMMANDS[command](name))
    assert result.code == 2 and result.out == ""
    assert fragment in result.error_message()


def test_shipped_is_the_default_model_of_the_plugin(run: Run) -> None:
    result = run("generate", "--plugin", "text", "--model", "shipped", "--length", "9")
    assert result.code == 0 and "(ships with the plugin 'text')" in result.err
    result = run("generate", "--plugin", "text", "--length", "9")
    assert result.code == 0 and "(the newest finished run)" in result.err


def test_flags_are_those_of_the_model_s_plugin(run: Run) -> None:
    for name in ("tiny", "text", "runs/text/0001"):
        assert "--prompt-file" in run("generate", "--model", name, "--help").out


def test_model_of_another_plugin_is_an_error(run: Run, numbers: Path) -> None:
    arguments: list[Any] = ["train", "--plugin", "text", "--corpus", "a.txt", "--init", numbers, *TINY_FLAGS]
    result = run(*arguments)
    assert result.code == 2 and "'numbers', not 'text'" in result.error_message()

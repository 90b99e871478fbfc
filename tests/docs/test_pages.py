"""What the README shows is there: its commands are understood, its Python runs."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqforge
from seqforge import registry
from seqforge.cli.main import build

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> Iterator[str]:
    for language, block in BLOCKS:
        for line in block.splitlines() if not language else []:
            for part in line.removeprefix("$ ").partition("#")[0].split(" ; "):
                if part.strip().startswith("seqforge "):
                    yield part.strip()


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_of_the_readme_is_understood(command: str) -> None:
    import typer.main

    from seqforge.cli.train import with_resume_value

    words = with_resume_value(shlex.split(command)[1:])
    plugin = words[words.index("--plugin") + 1] if "--plugin" in words else "text"
    group = typer.main.get_command(build(registry.load(plugin)))
    with group.make_context("seqforge", words) as context:
        name, found, rest = group.resolve_command(context, words)  # type: ignore[attr-defined]
        while hasattr(found, "resolve_command") and rest:
            name, found, rest = found.resolve_command(context, rest)
        found.make_context(name, rest, parent=context)


def test_there_are_commands_to_understand() -> None:
    assert len(set(commands())) > 12


def test_the_lesson_runs_on_the_model_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lesson,) = [block for language, block in BLOCKS if language == "python" and "def greedy" in block]
    monkeypatch.chdir(tmp_path)
    room: dict[str, object] = {}
    exec(lesson, room)
    model = seqforge.load("text")
    told = room["greedy"](model, "To be, or not to b", 3)  # type: ignore[operator]
    assert told.startswith("To be, or not to b") and len(told) == len("To be, or not to b") + 3
    assert sum(model.next("To be").values()) == pytest.approx(1)
    assert told == model.generate(prompt="To be, or not to b", greedy=True, length=len(told))[0].content

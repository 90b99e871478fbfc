import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
import typer

from seqforge import RESERVED, Plugin, flag
from seqforge.cli import generate, train
from seqforge.cli import inspect as inspect_command
from seqforge.cli.flags import parameters
from seqforge.sampling import Controls
from seqforge.training import TrainingConfig

COMMANDS = {"train": train.add, "generate": generate.add, "inspect": inspect_command.add}


def callback(add: Callable[[typer.Typer, Plugin | None], None], name: str) -> Callable[..., Any]:
    app = typer.Typer()
    add(app, None)
    commands = [command for command in app.registered_commands if command.name == name]
    assert len(commands) == 1 and commands[0].callback is not None
    return commands[0].callback


def declarations(option: Any) -> tuple[str, ...]:
    """Return the flags of an option; typer takes the first argument for the default unless it is in an Annotated."""
    return tuple(text for text in (option.default, *(option.param_decls or ())) if isinstance(text, str))


def flags_of(function: Callable[..., Any]) -> set[str]:
    """Return the parameters of a command, and the words of its flags."""
    names = set()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.annotation is typer.Context:
            continue
        names.add(parameter.name)
        if get_origin(parameter.annotation) is Annotated:
            for declaration in declarations(get_args(parameter.annotation)[1]):
                words = [word.lstrip("-").replace("-", "_") for word in declaration.split("/")]
                names |= {word for word in words if len(word) > 1 and not word.startswith("no_")}
    return names


@pytest.mark.parametrize("name", COMMANDS)
def test_flags_of_a_command_are_reserved(name: str) -> None:
    flags = flags_of(callback(COMMANDS[name], name))
    assert len(flags) > 3 and flags - RESERVED == set()


def test_argument_of_inspect_is_reserved() -> None:
    assert "file" in flags_of(callback(inspect_command.add, "inspect")) & RESERVED


@pytest.mark.parametrize("kind", [TrainingConfig, Controls])
def test_fields_of_the_core_are_reserved(kind: Any) -> None:
    assert {field.name for field in fields(kind)} <= RESERVED


@dataclass(frozen=True)
class Options:
    """Options of several types."""

    tempo: float = flag(120.0, help="Tempo of the tune.", unit="BPM")
    mode: Literal["major", "minor"] = flag("major", help="Mode of the key.")
    title: str | None = flag(None, help="Title of the tune.", panel="Text")
    loud_end: bool = False


def test_parameters_have_type_and_default_of_their_fields() -> None:
    by_name = {parameter.name: parameter for parameter in parameters(Options, panel="Options")}
    assert {name: parameter.default for name, parameter in by_name.items()} == {
        "tempo": 120.0, "mode": "major", "title": None, "loud_end": False,
    }  # fmt: skip
    assert get_args(by_name["mode"].annotation)[0] == Literal["major", "minor"]
    assert get_args(by_name["title"].annotation)[0] == str | None


def test_parameters_have_flag_unit_help_and_panel() -> None:
    options = {p.name: get_args(p.annotation)[1] for p in parameters(Options, panel="Options")}
    tempo, title, loud_end = options["tempo"], options["title"], options["loud_end"]
    assert (declarations(tempo), tempo.metavar, tempo.help) == (("--tempo",), "BPM", "Tempo of the tune.")
    assert (tempo.rich_help_panel, title.rich_help_panel) == ("Options", "Text")
    assert declarations(loud_end) == ("--loud-end/--no-loud-end",)
    assert tempo.show_default and not title.show_default


def test_defaults_replace_those_of_the_fields() -> None:
    by_name = {
        parameter.name: parameter for parameter in parameters(Options, panel="Options", defaults={"tempo": 90.0})
    }
    assert by_name["tempo"].default == 90.0 and by_name["mode"].default == "major"


def test_list_fields_are_no_parameters() -> None:
    names = {parameter.name for parameter in parameters(Controls, panel="Sampling")}
    assert "temperature" in names and not names & {"ban", "force"}

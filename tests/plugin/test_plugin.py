import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
import typer

from seqforge import NoOptions, NoRequest, Origin, Piece, Plugin, flag
from seqforge.cli import generate as generate_command
from seqforge.cli import report, train
from seqforge.cli.flags import parameters
from seqforge.plugin import RESERVED, Codec, describe_fields


def callback(add: Callable[[typer.Typer, Plugin | None], None], name: str) -> Callable[..., Any]:
    app = typer.Typer()
    add(app, None)
    found = [command for command in app.registered_commands if command.name == name]
    assert len(found) == 1 and found[0].callback is not None
    return found[0].callback


def flags_of(function: Callable[..., Any]) -> set[str]:
    """Return the parameters of a command, and the words of its flags."""
    names = set()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.annotation is typer.Context:
            continue
        names.add(parameter.name)
        if get_origin(parameter.annotation) is Annotated:
            option = get_args(parameter.annotation)[1]
            for flags in getattr(option, "param_decls", None) or ():
                words = [flag.lstrip("-").replace("-", "_") for flag in flags.split("/")]
                names |= {word for word in words if len(word) > 1 and not word.startswith("no_")}
    return names


def test_no_flag_of_train_is_missing_in_reserved() -> None:
    assert flags_of(callback(train.add, "train")) - RESERVED == set()


def test_no_flag_of_generate_is_missing_in_reserved() -> None:
    assert flags_of(callback(generate_command.add, "generate")) - RESERVED == set()


def test_no_flag_of_inspect_is_missing_in_reserved() -> None:
    assert flags_of(callback(report.add, "inspect")) - RESERVED - {"file"} == set()


def test_the_positional_argument_of_inspect_is_reserved_too() -> None:
    assert "file" in flags_of(callback(report.add, "inspect"))
    assert "file" in RESERVED


def test_reserved_holds_settings_of_every_core_field() -> None:
    from dataclasses import fields

    from seqforge.api.settings import Settings

    assert {field.name for field in fields(Settings)} <= RESERVED


@dataclass(frozen=True)
class Some:
    """Options of every allowed type."""

    tempo: float = flag(120.0, help="how fast", unit="BPM")
    mode: Literal["major", "minor"] = flag("major", help="the mode")
    title: str | None = flag(None, help="the title")
    loud: bool = False


def test_a_flag_carries_help_unit_and_default() -> None:
    assert Some() == Some(120.0, "major", None, False)
    told = {field["name"]: field for field in describe_fields(Some)}
    assert told["tempo"] == {
        "name": "tempo", "type": "float", "default": 120.0, "help": "how fast", "unit": "BPM",
    }  # fmt: skip
    assert told["loud"]["help"] == "" and told["title"]["default"] is None


def test_fields_become_parameters_with_their_own_type_and_default() -> None:
    made = {parameter.name: parameter for parameter in parameters(Some, panel="x")}
    assert {name: parameter.default for name, parameter in made.items()} == {
        "tempo": 120.0, "mode": "major", "title": None, "loud": False,
    }  # fmt: skip
    assert get_args(made["mode"].annotation)[0] == Literal["major", "minor"]
    assert get_args(made["title"].annotation)[0] == str | None


def test_the_least_options_and_requests_are_empty() -> None:
    assert describe_fields(NoOptions) == [] and describe_fields(NoRequest) == []


def test_a_piece_is_equal_by_content_labels_and_origin() -> None:
    assert Piece("a", {"x": "1"}, Origin("f", "line 1")) == Piece("a", {"x": "1"}, Origin("f", "line 1"))
    assert Piece("a") != Piece("b") and Piece("a") != Piece("a", {"x": "1"})


def test_a_plugin_or_codec_that_lacks_a_method_cannot_be_made() -> None:
    for kind, needed in ((Plugin, {"read", "fit", "write"}), (Codec, {"encode", "decode", "canonical"})):
        assert needed <= kind.__abstractmethods__
        with pytest.raises(TypeError, match="abstract"):
            kind()


def test_a_plugin_names_its_package() -> None:
    from seqforge_text import Text

    assert Text.distribution() == "seqforge-text"

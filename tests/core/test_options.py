import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from seqforge import NoOptions, NoRequest, flag
from seqforge.core.options import (
    build_options,
    describe_fields,
    options_from_json,
    options_to_json,
    unsupported_fields,
    without_none,
)
from seqforge.errors import OptionsError


@dataclass(frozen=True)
class Options:
    """Options of every allowed type."""

    tempo: float = flag(120.0, help="Tempo of the tune.", unit="BPM")
    mode: Literal["major", "minor"] = flag("major", help="Mode of the key.")
    bars: int = 4
    title: str | None = flag(None, help="Title of the tune.")
    loud: bool = False
    file: Path | None = None


def build(**values: Any) -> Options:
    return build_options(Options, values, owner="the plugin 'tunes'")


def test_missing_values_keep_their_defaults() -> None:
    assert build() == Options() == Options(120.0, "major", 4, None, False, None)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("tempo", 90, 90.0),
        ("tempo", 90.5, 90.5),
        ("mode", "minor", "minor"),
        ("bars", 8, 8),
        ("title", "Jig", "Jig"),
        ("title", None, None),
        ("loud", True, True),
        ("file", "a.txt", Path("a.txt")),
        ("file", Path("a.txt"), Path("a.txt")),
        ("file", None, None),
    ],
)
def test_values_have_the_types_of_the_fields(name: str, value: Any, expected: Any) -> None:
    converted = getattr(build(**{name: value}), name)
    assert converted == expected and type(converted) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("tempo", "fast", "of type float"),
        ("tempo", True, "of type float"),
        ("tempo", None, "of type float"),
        ("mode", "dorian", "major, minor"),
        ("mode", 3, "major, minor"),
        ("bars", 1.5, "of type int"),
        ("bars", True, "of type int"),
        ("title", 3, "of type str"),
        ("loud", 1, "of type bool"),
        ("file", 3, "of type Path"),
    ],
)
def test_value_of_another_type_is_an_error(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(OptionsError) as caught:
        build(**{name: value})
    assert (caught.value.field, caught.value.value, caught.value.allowed) == (name, value, allowed)
    assert f"`{name}`" in str(caught.value)


def test_close_word_is_suggested() -> None:
    with pytest.raises(OptionsError, match="Did you mean 'minor'"):
        build(mode="minr")


def test_unknown_option_lists_the_options_of_its_owner() -> None:
    with pytest.raises(OptionsError, match=r"the plugin 'tunes' has no option 'temop'.*Did you mean 'tempo'") as caught:
        build(temop=3)
    assert caught.value.field == "temop"
    with pytest.raises(OptionsError, match="it has none"):
        build_options(NoRequest, {"tempo": 3}, owner="the plugin 'tunes'")


def test_error_of_post_init_is_an_options_error() -> None:
    @dataclass(frozen=True)
    class Strict:
        bars: int = 4

        def __post_init__(self) -> None:
            if self.bars > 4:
                raise ValueError("too many bars")

    with pytest.raises(OptionsError, match="too many bars"):
        build_options(Strict, {"bars": 5}, owner="the plugin 'tunes'")


def test_options_round_trip_through_json() -> None:
    options = Options(90.0, "minor", file=Path("a.txt"))
    data = json.loads(json.dumps(options_to_json(options)))
    assert data["file"] == "a.txt"
    assert options_from_json(Options, data) == options


def test_without_none() -> None:
    assert without_none(int | None) == (int, True)
    assert without_none(int) == (int, False)
    assert without_none(int | str | None) == (int | str | None, False)


def test_unsupported_fields() -> None:
    kind = dataclasses.make_dataclass("Kind", [("scale", dict), ("either", int | str), ("bars", int), ("file", Path)])
    assert unsupported_fields(kind) == ["scale", "either"]
    assert unsupported_fields(Options) == []


def test_describe_fields() -> None:
    fields = {field["name"]: field for field in describe_fields(Options)}
    assert fields["tempo"] == {
        "name": "tempo", "type": "float", "default": 120.0, "help": "Tempo of the tune.", "unit": "BPM",
    }  # fmt: skip
    assert fields["loud"]["help"] == "" and fields["title"]["default"] is None
    assert describe_fields(NoOptions) == [] and describe_fields(NoRequest) == []


@pytest.mark.parametrize("tempo", [float("nan"), float("inf"), float("-inf")])
def test_number_that_is_not_finite_is_an_error(tempo: float) -> None:
    with pytest.raises(OptionsError) as caught:
        build(tempo=tempo)
    assert (caught.value.field, caught.value.allowed) == ("tempo", "a finite number")

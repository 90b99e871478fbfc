"""Plain values are converted as typer converts them, and everything else is left to it."""

from pathlib import Path
from typing import Any, Literal

import pytest
from typer._coercion import TypeDescriptor, build_runtime_param
from typer.core import TyperOption
from typer.models import OptionInfo

from seqforge.cli.plain_values import NOT_PLAIN, plain_value

VALUES = ("16", "-3", "007", "+4", " 5 ", "1e3", "0.50", ".5", "nan", "1_000", "", "x", "float32", "٣", 0, 3, 2.5, True)
KINDS = (int, float, str, Literal["float32", "int8"], Path)


def value_of_typer(value: Any, kind: Any, least: float | None) -> Any:
    info = OptionInfo(min=least)
    option = TyperOption(param_decls=["--value"], type_descriptor=TypeDescriptor(kind, info, None))
    return build_runtime_param(option.type_descriptor).coerce(value, option, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("least", [None, 1])
def test_plain_values_are_those_of_typer(kind: Any, least: float | None) -> None:
    plain = {value: plain_value(value, kind, least=least) for value in VALUES if type(value) is not bool}
    plain = {value: converted for value, converted in plain.items() if converted is not NOT_PLAIN}
    if kind is not Path:
        assert plain
    for value, converted in plain.items():
        expected = value_of_typer(value, kind, least)
        assert converted == expected
        assert type(converted) is type(expected)


def test_values_below_the_range_and_booleans_are_not_plain() -> None:
    assert plain_value("0", int, least=1) is NOT_PLAIN
    assert plain_value(101.0, float, largest=100) is NOT_PLAIN
    assert plain_value(True, int) is NOT_PLAIN


def test_lists_are_plain_if_all_their_values_are() -> None:
    assert plain_value(("a", "b"), list[str]) == ["a", "b"]
    assert plain_value(("a",), list[Path]) is NOT_PLAIN

"""Values of flags that need no check beyond their type and range, converted without pydantic.

typer converts every value, defaults included, with an adapter of pydantic, whose import takes half as long as that of
numpy. The adapter is built only for values that are not plain: paths, and what is wrong or written in an unusual way.
"""

import re
from typing import Any, Literal, get_args, get_origin

__all__ = ["NOT_PLAIN", "PlainValue", "convert_plain_values", "plain_value"]

NOT_PLAIN: Any = object()
"""What `plain_value` returns for a value that the adapter converts."""
_INTEGER = re.compile("-?(0|[1-9][0-9]{0,14})")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def plain_value(value: Any, kind: Any, *, least: float | None = None, largest: float | None = None) -> Any:
    """Return a value as the type of its flag; `NOT_PLAIN` if the adapter of typer must convert it.

    >>> plain_value("16", int, least=1), plain_value("0.5", float), plain_value("0", int, least=1) is NOT_PLAIN
    (16, 0.5, True)

    Args:
        value: The default, or the text of the command line.
        kind: The type of the flag.
        least: The smallest number; None for any.
        largest: The largest number; None for any.
    """
    if kind is str:
        return value if type(value) is str else NOT_PLAIN
    if kind in (int, float):
        if type(value) is str and (_INTEGER if kind is int else _NUMBER).fullmatch(value):
            value = kind(value)
        in_range = type(value) is kind and (least is None or value >= least) and (largest is None or value <= largest)
        return value if in_range else NOT_PLAIN
    if get_origin(kind) is Literal:
        return value if type(value) is str and value in get_args(kind) else NOT_PLAIN
    if get_origin(kind) is list and isinstance(value, tuple | list):
        values = [plain_value(item, get_args(kind)[0]) for item in value]
        return NOT_PLAIN if any(item is NOT_PLAIN for item in values) else values
    return NOT_PLAIN


class PlainValue:
    """The conversion of the values of one flag; it takes the place of typer's until a value is not plain.

    Example:
        parameter._runtime_param = PlainValue()
    """

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the converted value.

        Args:
            value: The default, or what the command line contains.
            param: The flag of typer.
            ctx: The context of the command.
        """
        info = param.type_descriptor.parameter_info
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        if info.parser is None and not info.clamp:
            kind = param.type_descriptor.annotation
            if several == (get_origin(kind) is list):
                converted = plain_value(value, kind, least=info.min, largest=info.max)
                if converted is not NOT_PLAIN:
                    return converted
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def convert_plain_values(parameters: list[Any]) -> None:
    """Let `PlainValue` convert the values of these flags.

    Example:
        convert_plain_values(command.params)

    Args:
        parameters: The flags of a command of typer. Versions that convert values in another way are left alone.
    """
    for parameter in parameters:
        if getattr(parameter, "_runtime_param", parameter) is None:
            parameter._runtime_param = PlainValue()

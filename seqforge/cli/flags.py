"""Dataclasses become flags: fields of settings and of a plugin's Options and Request, by typer's public API."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Union

import typer

from seqforge.plugin import without_none


def parameters(
    kind: type, *, panel: str, defaults: Mapping[str, Any] = MappingProxyType({})
) -> list[inspect.Parameter]:
    """Return a keyword parameter for each field of a dataclass, as typer reads them.

    Args:
        kind: the dataclass; its fields may be bool, int, float, str, Path, Literal, and each of them optional.
        panel: the heading in `--help`.
        defaults: that take the place of the fields'.
    """
    hints = typing.get_type_hints(kind)
    single = [field for field in dataclasses.fields(kind) if not field.metadata.get("list")]
    return [_parameter(field, hints[field.name], panel, defaults.get(field.name)) for field in single]


def parameter(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    """Return one keyword parameter."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def command(function: Callable[..., None], parameters: Iterable[inspect.Parameter]) -> Callable[..., None]:
    """Return a function for typer that has these parameters and hands them on as keywords, its context first."""

    def run(ctx: typer.Context, **values: Any) -> None:
        function(ctx, values)

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    every = [context, *parameters]
    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in every}
    run.__doc__ = inspect.getdoc(function)
    run.__name__ = function.__name__
    return run


def given(ctx: typer.Context, values: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return those values of a dataclass's fields that the person wrote on the command line."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names and was_given(ctx, name)}


def was_given(ctx: typer.Context, name: str) -> bool:
    """Return whether a parameter was written on the command line, rather than left to its default."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _parameter(field: "dataclasses.Field[Any]", hint: Any, panel: str, instead: Any = None) -> inspect.Parameter:
    bare, optional = without_none(hint)
    default = field.default if field.default is not dataclasses.MISSING else None
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    default = default if instead is None else instead
    flag = "--" + field.name.replace("_", "-")
    names = [f"{flag}/--no-{field.name.replace('_', '-')}"] if bare is bool else [flag]
    unit = field.metadata.get("unit") or None
    option = typer.Option(
        *names,
        help=field.metadata.get("help", ""),
        rich_help_panel=panel,
        metavar=unit if bare is not bool else None,
        show_default=not (optional and default is None) and default != "",
    )
    return parameter(field.name, Union[bare, None] if optional else bare, default, option)  # noqa: UP007

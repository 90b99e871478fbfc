"""Options dataclasses as flags of a command, through typer's public API."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from seqforge.cli.console import with_flags
from seqforge.core.options import flag_name, without_none
from seqforge.errors import OptionsError

VALUE_NAMES = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}
"""Names of the values of flags, by type."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
PluginOfFiles = Annotated[
    str | None, typer.Option(help="Plugin of the domain. Default: the one that reads the files, by their suffix.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="Value of a label of all pieces; repeatable. `seqforge info MODEL` lists the labels."
    ),
]
FilesOfModel = Annotated[
    list[Path],
    typer.Argument(metavar="FILES", help="Files or folders of the model's domain, or tables; - for standard input."),
]
TextColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of the texts, if a file is a table.")]
LabelColumns = Annotated[
    str, typer.Option(metavar="NAMES", help="Columns of the labels, separated by commas.", show_default=False)
]
PieceNumber = Annotated[int | None, typer.Option(min=1, help="Number of the piece. Default: all.", metavar="NUMBER")]


def parameters(
    kind: type, *, panel: str, defaults: Mapping[str, Any] = MappingProxyType({})
) -> list[inspect.Parameter]:
    """Return a keyword parameter for each field of an options dataclass, as typer reads them.

    Args:
        kind: The dataclass; its fields may be bool, int, float, str, Path, Literal, or one of them or None.
        panel: The heading in `--help` of the fields that name no panel.
        defaults: Defaults that replace those of the fields.
    """
    hints = typing.get_type_hints(kind)
    fields = [field for field in dataclasses.fields(kind) if not field.metadata.get("list")]
    return [_parameter(field, hints[field.name], panel, defaults.get(field.name)) for field in fields]


def parameter(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    """Return one keyword parameter; its help shows the type of the value unless the option has a metavar."""
    if option.metavar is None:
        option.metavar = value_name(kind)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def value_name(kind: Any) -> str | None:
    """Return the name of a value in a help page, None for a switch.

    >>> value_name(int | None), value_name(list[str]), value_name(Literal["char", "word"])
    ('INTEGER', 'TEXT', 'char|word')
    """
    plain, _ = without_none(kind)
    if get_origin(plain) is list:
        plain = get_args(plain)[0]
    if get_origin(plain) is Literal:
        return "|".join(str(word) for word in get_args(plain))
    return VALUE_NAMES.get(plain)


def command(function: Callable[..., None], parameters: Iterable[inspect.Parameter]) -> Callable[..., None]:
    """Return a function for typer with these parameters; it passes its context and the values to `function`."""

    def run(ctx: typer.Context, **values: Any) -> None:
        function(ctx, values)

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    signature = [context, *parameters]
    run.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    run.__doc__ = inspect.getdoc(function)
    run.__name__ = function.__name__
    return run


def explicit_values(ctx: typer.Context, values: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return the values of a dataclass's fields that the user wrote on the command line."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names and is_explicit(ctx, name)}


def label_values(texts: Sequence[str]) -> dict[str, str]:
    """Return label name to value of texts NAME=VALUE.

    >>> label_values(["language=Irish"])
    {'language': 'Irish'}

    Raises:
        OptionsError: If a text has no `=` or no name.
    """
    labels = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise OptionsError(
                f"`labels` is {text}; write NAME=VALUE, as in --label language=Irish", field="labels", value=text
            )
        labels[name] = value
    return labels


def is_explicit(ctx: typer.Context, name: str) -> bool:
    """Return whether the user wrote a parameter on the command line."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _parameter(field: "dataclasses.Field[Any]", hint: Any, panel: str, default: Any = None) -> inspect.Parameter:
    plain, optional = without_none(hint)
    if default is None and field.default is not dataclasses.MISSING:
        default = field.default
    elif default is None and field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    flag = flag_name(field.name)
    names = [f"{flag}/--no-{flag[2:]}"] if plain is bool else [flag]
    unit = field.metadata.get("unit") or None
    option = typer.Option(
        *names,
        help=with_flags(field.metadata.get("help", "")),
        rich_help_panel=field.metadata.get("panel") or panel,
        metavar=unit if plain is not bool else None,
        show_default=not (optional and default is None) and default != "",
    )
    return parameter(field.name, Union[plain, None] if optional else plain, default, option)  # noqa: UP007

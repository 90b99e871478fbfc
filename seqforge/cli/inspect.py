"""seqforge inspect: a file as the steps that the network reads."""

import dataclasses
from pathlib import Path
from typing import Any

import typer

from seqforge.cli.console import data, data_json, escape
from seqforge.cli.flags import command, explicit_values, parameter, parameters
from seqforge.cli.help import command_class, examples, plugin_names
from seqforge.cli.pieces import check_is_no_folder, existing_file, readable_pieces
from seqforge.core.files import STDIN
from seqforge.errors import CorpusError, DecodeError, ReadError, UsageError, listing
from seqforge.plugin import AnyCodec, AnyPlugin, Piece
from seqforge.plugin.fitting import fit_codec
from seqforge.plugin.validation import validate_example, validate_piece, validate_units

MAX_STEPS = 400
MAX_LOSSES = 12


def add(app: typer.Typer, plugin: AnyPlugin | None) -> None:
    """Add the command, with the flags of a plugin if one was chosen."""
    core = [
        parameter(
            "file", Path, ..., typer.Argument(metavar="FILE", help="A file of the domain; - for standard input.")
        ),
        parameter(
            "plugin",
            str | None,
            None,
            typer.Option(
                "--plugin",
                metavar="NAME",
                help="Plugin of the domain. Default: the one that reads the file, by its suffix.",
                autocompletion=plugin_names,
            ),
        ),
        parameter(
            "model",
            str | None,
            None,
            typer.Option(metavar="MODEL", help="Encode as this model does. Default: fit a codec on the file."),
        ),
        parameter("json", bool, False, typer.Option("--json", help="Print JSON on stdout.")),
    ]
    plugin_flags = parameters(plugin.Options, panel=f"Options of the plugin {plugin.name!r}") if plugin else []
    app.command(
        "inspect",
        cls=command_class(plugin.name if plugin else None),
        epilog=examples("seqforge inspect tunes.abc", "seqforge inspect poem.txt --model text"),
    )(command(inspect, [*plugin_flags, *core]))


def inspect(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Show a file as its steps, and whether the round trip through the encoding keeps it."""
    from seqforge.corpus import SourceFile

    codec: AnyCodec | None
    if values["model"]:
        from seqforge.api.model_loading import load
        from seqforge.api.model_paths import resolve_model

        model = load(resolve_model(values["model"], plugin=values["plugin"]).path)
        plugin, options, codec = model.plugin, model.options, model.codec
        path = existing_file(values["file"], plugin)
        for name in explicit_values(ctx, values, plugin.Options):
            raise UsageError(f"`{name}` is set, but the options of a model are fixed; leave it out", field=name)
    elif values["plugin"] or values["file"] != STDIN:
        from seqforge.api.convert import find_plugin

        check_is_no_folder(values["file"])
        plugin = find_plugin([values["file"]], values["plugin"])
        path = existing_file(values["file"], plugin)
        options, codec = plugin.Options(**explicit_values(ctx, values, plugin.Options)), None
    else:
        raise UsageError("no plugin or model is named; set `plugin` or `model`", field="plugin")
    skipped: list[ReadError] = []
    pieces = list(readable_pieces(plugin, options, [SourceFile(path)], skipped=skipped))
    if not pieces:
        raise CorpusError(f"{values['file']} contains no piece that can be read")
    if codec is None:
        codec = fit_codec(plugin, pieces, options)
    vocabulary = getattr(codec, "vocabulary", None)
    entries = [_entry(plugin, codec, piece, vocabulary) for piece in pieces]
    if values["json"]:
        data_json(
            {
                "plugin": plugin.name,
                "options": dataclasses.asdict(options),
                "pieces": entries,
                "skipped": [{"file": error.file, "place": error.place, "reason": error.reason} for error in skipped],
            }
        )
        return
    for entry in entries:
        _print(entry, plugin.unit, quoted=vocabulary is not None)


def _entry(plugin: AnyPlugin, codec: AnyCodec, piece: Piece[Any], vocabulary: Any) -> dict[str, Any]:
    """Return the entry of a piece in the JSON report.

    A piece is lossless if the encoding drops nothing and its canonical form is the piece itself.
    """
    example = validate_example(plugin, codec, codec.encode(piece))
    try:
        decoded = validate_piece(plugin, codec.decode(example), "decode", owner=codec)
    except DecodeError as error:
        raise DecodeError(f"{piece.origin or 'this file'}: the steps of this piece do not decode: {error}") from error
    canonical = validate_piece(plugin, codec.canonical(piece), "canonical", owner=codec)
    steps = example.steps.tolist()
    return {
        "place": piece.origin.place if piece.origin else "",
        "units": float(validate_units(plugin, codec, example.steps).sum()),
        "steps": [vocabulary[step] for step in steps] if vocabulary is not None else steps,
        "labels": dict(example.labels),
        "round_trip": decoded.content == canonical.content,
        "lossless": canonical.content == piece.content and not example.dropped,
        "dropped": dict(example.dropped),
    }


def _print(entry: dict[str, Any], unit: str, *, quoted: bool) -> None:
    steps = [repr(step)[1:-1] if quoted else str(step) for step in entry["steps"][:MAX_STEPS]]
    more = len(entry["steps"]) - len(steps)
    data(f"{escape(entry['place'])}: {len(entry['steps'])} steps, {entry['units']:g} {unit}s")
    data(" ".join(steps) + (f" ... and {more:,} more" if more > 0 else ""))
    data(f"round trip: {'yes' if entry['round_trip'] else 'NO'}; lossless: {_losses(entry)}")


def _losses(entry: dict[str, Any]) -> str:
    """Return whether the encoding of a piece is lossless, and in words what it drops."""
    if entry["lossless"]:
        return "yes"
    dropped = [
        f"{escape(name if len(name) > 2 else repr(name))} ({number:,})" for name, number in entry["dropped"].items()
    ]
    if dropped:
        return f"no; dropped: {listing(dropped, most=MAX_LOSSES)}"
    return "no; nothing is dropped, but the piece changes to its canonical form"

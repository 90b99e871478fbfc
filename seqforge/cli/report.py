"""seqforge evaluate, score, info, models, inspect: what there is to know."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from seqforge.plugin import registry
from seqforge.plugin.validation import validate_codec, validate_example, validate_piece, validate_units
from seqforge.cli.flags import command, given, parameter, parameters
from seqforge.cli.console import count, put, put_json, say, table
from seqforge.errors import CorpusError, PluginError, ReadError, UsageError
from seqforge.plugin import Piece, Plugin

AsJson = Annotated[bool, typer.Option("--json", help="as JSON on stdout")]


def add(app: typer.Typer, plugin: Plugin | None) -> None:
    """Add the commands."""
    app.command()(evaluate)
    app.command()(score)
    app.command()(info)
    app.command()(models)
    own = [
        parameter("file", Path, ..., typer.Argument(help="a file of the domain")),
        parameter("plugin", str | None, None, typer.Option("--plugin", help="the domain")),
        parameter(
            "model",
            str | None,
            None,
            typer.Option(help="encode as this model does. Default: fitted on the file"),
        ),
        parameter("json", bool, False, typer.Option("--json", help="as JSON on stdout")),
    ]
    mine = parameters(plugin.Options, panel=f"Options of the plugin {plugin.name!r}") if plugin else []
    app.command("inspect")(command(inspect, [*own, *mine]))


def evaluate(
    model: Annotated[str, typer.Argument(help="a model file, a run's folder, or a plugin's name")],
    corpus: Annotated[list[str] | None, typer.Option(help="default: what the model was trained on")] = None,
    split: Annotated[str | None, typer.Option(help="train, valid or test. Default: test, or valid without one")] = None,
    samples: Annotated[int, typer.Option(min=0, help="also generate so many pieces and set them beside the real")] = 0,
    json: AsJson = False,
) -> None:
    """Measure a model on a split of a corpus, in nats and bits per natural unit.

    In float32, the state carried through every piece, ends of pieces counted.
    """
    from seqforge.api import load, locate

    path = locate(model)
    say(f"model: {path}")
    loaded = load(path)
    found = loaded.evaluate(corpus, split=split)
    beside = loaded.compare(samples, corpus, split=split) if samples else None
    if json:
        put_json({**found.to_json(), **({"samples": beside.to_json()} if beside else {})})
        return
    put(
        f"{found.nats_per_unit:.4f} nats per {found.unit} ({found.bits_per_unit:.4f} bits),"
        f" {found.nats_per_step:.4f} nats per step"
    )
    put(
        f"on {found.split} of {', '.join(found.corpus)}: {found.units:,.0f} {found.unit}s,"
        f" {count(found.pieces, 'piece')}"
    )
    if beside:
        put(f"\n{count(beside.pieces, 'piece')} generated beside {count(beside.real, 'piece')} held out")
        rows = [["total variation distance", "generated", "two halves of the held-out"]]
        put(table(rows + [[name, f"{made:.3f}", f"{half:.3f}"] for name, (made, half) in beside.distances.items()]))
        for whose, (middle, most) in beside.copied.items():
            put(f"longest run as in a training piece, {whose}: median {middle}, most {most}")
    if found.unseen:
        say(f"note: {count(found.unseen, 'thing')} of the corpus are not kept by the codec's encoding")


def score(
    file: Annotated[Path, typer.Argument(help="a file of the model's domain")],
    model: Annotated[str, typer.Option(help="a model file, a run's folder, or a plugin's name")],
    json: AsJson = False,
) -> None:
    """Tell how probable a model finds each piece of a file, in nats per natural unit."""
    from seqforge.api import load, locate

    path = locate(model)
    say(f"model: {path}")
    loaded = load(path)
    rows = []
    for piece in _pieces(loaded.plugin, loaded.options, _existing(file)):
        found = loaded.score(piece)
        place = piece.origin.place if piece.origin else ""
        rows.append({"place": place, **found.to_json()})
    if not rows:
        raise CorpusError(f"{file} holds no piece that could be read")
    if json:
        put_json(rows)
        return
    for row in rows:
        put(f"{row['nats_per_unit']:.4f}\t{row['units']:g} {row['unit']}s\t{row['place']}")


def info(
    model: Annotated[str, typer.Argument(help="a model file, a run's folder, or a plugin's name")],
    json: AsJson = False,
) -> None:
    """Show what a model file says of itself."""
    from seqforge.api import locate
    from seqforge.modelfile import read_header

    path = locate(model)
    header = read_header(path)
    told = header.to_json()
    told["codec"] = {"version": header.codec.get("version")}
    if json:
        put_json({"path": str(path), "bytes": path.stat().st_size, **told})
        return
    made, shape = header.provenance, header.network
    labels = [f"{name}: {', '.join(values)}" for name, values in header.labels.items()]
    loss = made.get("valid_nats_per_unit")
    rows = [
        ["file", f"{path} ({path.stat().st_size / 1e6:.1f} MB)"],
        ["plugin", header.plugin],
        ["network", f"{shape.cell} {shape.layers} x {shape.hidden}, embedding {shape.embedding}"],
        ["steps", ", ".join(f"{name} {value}" for name, value in header.space.to_json().items())],
        ["labels", "; ".join(labels) or "none"],
        ["options", ", ".join(f"{name}={value}" for name, value in header.options.items()) or "none"],
        ["corpus", ", ".join(made.get("corpus", []))],
        ["trained", f"{made.get('steps')} steps, {made.get('minutes')} minutes, {made.get('started')}"],
        ["valid loss", "none" if loss is None else f"{loss:.4f} nats per {header.unit}"],
        ["versions", ", ".join(f"{name} {value}" for name, value in made.get("versions", {}).items())],
    ]
    rows += [
        ["attribution", f"{each['name']}: {each['attribution']} ({each['licence']})"]
        for each in made.get("licences", [])
    ]
    put(table(rows))


def _model_row(row: dict[str, Any]) -> list[str]:
    return [row["plugin"], row["model"] + (" *" if row.get("default") else ""), row["kind"]]


def models(json: AsJson = False) -> None:
    """List the models that ship with plugins and those of the runs under ./runs."""
    from seqforge.api.runs import ROOT, runs_of

    rows: list[dict[str, Any]] = []
    for entry in registry.installed():
        try:
            told = registry.describe(entry.name)
        except PluginError as error:
            say(f"note: {error}")
            continue
        for number, path in enumerate(told["models"]):
            rows.append(
                {
                    "plugin": entry.name,
                    "model": Path(path).stem,
                    "kind": "shipped",
                    "path": path,
                    "default": number == 0,
                }
            )
    for parent in sorted(ROOT.iterdir()) if ROOT.is_dir() else []:
        for run in runs_of(parent.name):
            if run.model.exists():
                kind = "run" if run.finished() else "unfinished run"
                name = run.plugin() or parent.name
                rows.append({"plugin": name, "model": str(run.model), "kind": kind, "path": str(run.model)})
    if json:
        put_json(rows)
    elif rows:
        put(table([["plugin", "model", "kind"], *[_model_row(row) for row in rows]]))
        say("* taken by `seqforge generate --plugin` where no model is named and no run is finished")
    else:
        say("no model yet; train one: seqforge train --plugin NAME")


def inspect(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Show a file as its steps, and whether it comes back from them."""
    path = _existing(values["file"])
    if values["model"]:
        from seqforge.api import choose, load

        loaded = load(choose(values["plugin"] or "", values["model"])[0])
        own = given(ctx, values, loaded.plugin.Options)
        if own:
            raise UsageError(f"--{next(iter(own))} is given, and the model has options of its own; leave it out")
        plugin, options, codec = loaded.plugin, loaded.options, loaded.codec
    elif values["plugin"]:
        plugin = registry.load(values["plugin"])
        options = plugin.Options(**given(ctx, values, plugin.Options))
        codec = validate_codec(plugin, plugin.fit(_pieces(plugin, options, path, quiet=True), options))
    else:
        raise UsageError("which plugin or model? Give --plugin NAME or --model FILE")
    names = getattr(codec, "vocabulary", None)
    told = []
    for piece in _pieces(plugin, options, path):
        example = validate_example(plugin, codec, codec.encode(piece))
        back = validate_piece(plugin, codec.decode(example), "decode", owner=codec)
        canonical = validate_piece(plugin, codec.canonical(piece), "canonical", owner=codec)
        steps = example.steps.tolist()
        told.append(
            {
                "place": piece.origin.place if piece.origin else "",
                "units": float(validate_units(plugin, codec, example.steps).sum()),
                "steps": [names[step] for step in steps] if names is not None else steps,
                "labels": dict(example.labels),
                "comes_back": back.content == canonical.content,
                "kept_whole": canonical.content == piece.content,
                "unseen": dict(codec.unseen(piece)),
            }
        )
    if not told:
        raise CorpusError(f"{path} holds no piece that could be read")
    if values["json"]:
        put_json({"plugin": plugin.name, "options": dataclasses.asdict(options), "pieces": told})
        return
    for each in told:
        shown = [str(step) if names is None else repr(step)[1:-1] for step in each["steps"][:400]]
        more = len(each["steps"]) - len(shown)
        put(f"{each['place']}: {len(each['steps'])} steps, {each['units']:g} {plugin.unit}s")
        put(" ".join(shown) + (f" ... and {more:,} more" if more > 0 else ""))
        back_again, whole = ("yes" if each["comes_back"] else "NO"), ("yes" if each["kept_whole"] else "no")
        put(f"comes back: {back_again}; nothing lost: {whole}")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    return path


def _pieces(plugin: Plugin, options: Any, path: Path, *, quiet: bool = False) -> Iterator[Piece]:
    """Yield the pieces of a file that can be read, and say which cannot."""
    from seqforge.corpus import SourceFile, read_pieces

    for item in read_pieces(plugin, options, SourceFile(path)):
        if not isinstance(item, ReadError):
            yield item[0]
        elif not quiet:
            say(f"skipped: {item}")

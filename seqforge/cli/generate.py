"""seqforge generate: new files from a model."""

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seqforge.cli.flags import command, given, parameter, parameters
from seqforge.cli.output import Stream, Target
from seqforge.cli.console import put_json, say
from seqforge.errors import OptionsError, RequestError, UsageError, listing
from seqforge.core.files import write_text
from seqforge.plugin import Plugin
from seqforge.sampling import Controls

if TYPE_CHECKING:
    from seqforge.api import Generated, Model
    from seqforge.api.provenance import Order


def add(app: typer.Typer, plugin: Plugin | None) -> None:
    """Add the command, with the flags of a plugin where one was chosen."""
    own = [
        parameter("plugin", str | None, None, typer.Option("--plugin", help="the domain; its own flags show with it")),
        parameter(
            "model",
            list[str] | None,
            None,
            typer.Option(help="a file, a run's folder, a shipped model's name, or 'shipped'; given again, several are"
                         " averaged. Default: the newest finished run under ./runs, else what ships"),
        ),
        parameter(
            "output",
            str | None,
            None,
            typer.Option("-o", "--output", help="a file (its suffix is the format), or a folder that ends in /"),
        ),
        parameter("n", int, 1, typer.Option("-n", min=1, help="how many pieces")),
        parameter("seed", int, 0, typer.Option(min=0, help="of everything random; piece k depends on it and k")),
        parameter("length", float | None, None, typer.Option(help="units, with the prompt", metavar="UNITS")),
        parameter(
            "where",
            list[str] | None,
            None,
            typer.Option(help="a label's value; may be given again", metavar="LABEL=VALUE"),
        ),
        parameter("steps", int | None, None, typer.Option(min=1, help="at most so many steps, with the prompt")),
        parameter("time", float | None, None, typer.Option(help="end all pieces by then", metavar="SECONDS")),
        parameter("beams", int, 0, typer.Option(min=0, help="the most probable pieces, by a beam so wide; 0: draw")),
        parameter("length_penalty", float, 0.0, typer.Option(help="of the beam: 1 compares log-probability per step")),
        parameter("candidates", int, 0, typer.Option(min=0, help="draw so many for each piece and keep one that fits")),
        parameter("precision", str, "float32", typer.Option(help="of matrix products: float32, bfloat16 or int8")),
        parameter(
            "show_attention",
            Path | None,
            None,
            typer.Option(help="draw which part of its source (a text) each step attends to", metavar="SVG"),
        ),
        parameter("replay", Path | None, None, typer.Option(help="make a generated file again, from its record")),
        parameter("json", bool, False, typer.Option("--json", help="tell what was made as JSON on stdout")),
        parameter("quiet", bool, False, typer.Option("--quiet", help="say nothing on stderr")),
    ]  # fmt: skip
    own += parameters(Controls, panel="How a step is chosen", defaults=plugin.controls if plugin else {})
    own += [
        parameter(name, list[str] | None, None, typer.Option(f"--{name}", help=help_, metavar="TOKEN",
                  rich_help_panel="How a step is chosen"))
        for name, help_ in (("ban", "never this one; repeatable"), ("force", "begin with it; repeatable"))
    ]  # fmt: skip
    mine = parameters(plugin.Request, panel=f"Request to the plugin {plugin.name!r}") if plugin else []
    app.command("generate")(command(generate, [*own, *mine]))


def generate(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Write new pieces.

    `seqforge generate --plugin NAME --help` shows what else can be asked for. Beside what `-o` writes stands a record
    of what it followed from; `--replay FILE` makes the same again, or says what differs.
    """
    logging.getLogger("seqforge").setLevel(logging.ERROR if values["quiet"] else logging.NOTSET)
    if values["replay"] is not None:
        replay(values["replay"], values["output"], quiet=values["quiet"])
        return
    if not values["plugin"] and not values["model"]:
        raise UsageError("which plugin or model? Give --plugin NAME or --model FILE; `seqforge models` lists models")
    from seqforge.api import choose, load
    from seqforge.api.provenance import Order, record, record_path

    named = values["model"] or [None]
    path, why = choose(values["plugin"] or "", named[0])
    model = load(path, precision=values["precision"])
    plugin = model.plugin
    if values["plugin"] and plugin.name != values["plugin"]:
        raise UsageError(
            f"{path} is a model of the plugin {plugin.name!r}, not {values['plugin']!r};"
            " leave --plugin out, or name another"
        )
    if not values["quiet"]:
        say(f"model: {path} ({why})")
    others = [choose(plugin.name, other)[0] for other in named[1:]]
    order = Order(
        models=tuple(str(each.resolve()) for each in (path, *others)),
        where=_where(values["where"] or []),
        controls={
            **given(ctx, values, Controls), **{name: values[name] for name in ("ban", "force") if values[name]}
        },
        request=_plain(given(ctx, values, plugin.Request)),
        **{name: values[name] for name in ("n", "seed", "length", "steps", "time", "beams", "length_penalty",
                                           "precision", "candidates")},
    )  # fmt: skip
    target = Target(plugin, values["output"], order.n)
    watched = _Attention(model, values["show_attention"], order) if values["show_attention"] else None
    made = _produce(order, model, target, shows=not values["json"], watched=watched)
    written = target.finish()
    if target.files and target.output is not None:
        told = record(order, model, target.files)
        write_text(record_path(target.output), json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    if values["json"]:
        put_json({"model": str(path), "plugin": plugin.name, "seed": order.seed, "pieces": made, **written})
    elif written and not values["quiet"]:
        say(f"wrote {written['path']}")


def _produce(
    order: "Order", model: "Model", target: Target, *, shows: bool, watched: "_Attention | None" = None
) -> list[dict[str, Any]]:
    """Generate what was ordered and hand it to the target; return what to tell about each piece."""
    from seqforge.api import load

    model.average([load(path) for path in order.models[1:]])
    controls, _ = model.controls(order.controls)
    streamer = model.streamer() if target.output is None and order.n == 1 and shows and not order.beams else None
    stream = None if streamer is None else Stream(model, dict(order.request), streamer)
    made: list[dict[str, Any]] = []
    waiting: dict[int, Generated] = {}
    for generated in model.stream(
        order.n, seed=order.seed, length=order.length, steps=order.steps, time=order.time, beams=order.beams,
        length_penalty=order.length_penalty, candidates=order.candidates, where=order.where, controls=controls,
        request=order.request, watch=stream,
    ):  # fmt: skip
        waiting[generated.k] = generated
        if watched is not None:
            watched.draw(generated)
        if stream is not None:
            stream.show_prompt()
        while len(made) in waiting:
            one = waiting.pop(len(made))
            told: dict[str, Any] = {"k": one.k, "ended": one.ended, "masked": one.masked}
            told |= {"log_probability": one.log_probability, "log_probabilities": list(one.scores)}
            told |= target.take(one.piece, streamed=streamer is not None, show=shows)
            made.append(told)
    return made


class _Attention:
    """Where the attention of a piece is drawn.

    Args:
        model: that generates.
        path: of the drawing.
        order: of one piece.

    Raises:
        RequestError: there is nothing to draw, or not so.
    """

    def __init__(self, model: "Model", path: Path, order: "Order") -> None:
        self.model, self.path = model, path
        if not model.header.network.source_symbols:
            raise RequestError(f"--show-attention: models of the plugin {model.plugin.name!r} attend to no source")
        if path.suffix.lower() != ".svg":
            raise RequestError(f"--show-attention {path} must end in .svg; pictures are drawn as that")
        if order.n != 1:
            raise RequestError(f"--show-attention draws one piece, and -n is {order.n}; leave -n out")

    def draw(self, generated: "Generated") -> None:
        """Write the drawing of a piece."""
        from seqforge.evaluation import draw_attention

        parts = [
            (self.model.attention(example), [*self.model.codec.source_names(example.source), "end"])
            for example in generated.examples
            if example.source is not None
        ]
        if not parts:
            raise RequestError("--show-attention: nothing was attended to, since nothing such as a text was given")
        write_text(self.path, draw_attention(parts))


def replay(path: Path, output: str | None, *, quiet: bool) -> None:
    """Make again what a record tells, compare, and say what differs.

    Raises:
        RequestError: the bytes differ, or something they depend on is gone.
    """
    from seqforge.api import load
    from seqforge.api.provenance import SUFFIX, differences, digest, order_of, read_record

    found, told = read_record(path)
    order = order_of(told)
    missing = [each["path"] for each in (*told["models"], *told["inputs"]) if not Path(each["path"]).is_file()]
    if missing:
        raise RequestError(f"{found} cannot be replayed: {missing[0]} is gone; put it back where it was")
    model = load(order.models[0], precision=order.precision)
    changed = differences(told, model)
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        single = len(told["files"]) == 1 and Path(told["files"][0]["name"]).suffix
        alone = single and found.name != SUFFIX.lstrip(".")
        place = str(Path(folder) / told["files"][0]["name"]) if alone else folder
        target = Target(model.plugin, output or place, order.n)
        _produce(order, model, target, shows=False)
        target.finish()
        was = {each["name"]: each["sha256"] for each in told["files"]}
        now = [(file.name, digest(file)) for file, _ in target.files]
    pairs = zip(was.items(), now, strict=False)
    differ = [name for (name, before), (_, after) in pairs if before != after]
    if differ or len(was) != len(now):
        why = f"; since then {listing(changed, most=6)}" if changed else ""
        raise RequestError(
            f"{found}: {len(differ)} of {len(was)} files are not the same ({listing(differ, most=3)}){why}"
        )
    if not quiet:
        count = f"{len(was)} files" if len(was) > 1 else next(iter(was))
        if path.is_file() and was.get(path.name, digest(path)) != digest(path):
            say(f"note: {path} itself was changed after it was made")
        say(f"the same bytes again: {count}" + (f", though {listing(changed, most=6)}" if changed else ""))


def _plain(request: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in request.items()}


def _where(given_: list[str]) -> dict[str, str]:
    found = {}
    for each in given_:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise OptionsError(f"--label {each} is not understood; write LABEL=VALUE, as in --label language=Irish")
        found[name] = value
    return found

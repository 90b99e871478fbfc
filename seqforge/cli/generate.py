"""seqforge generate: new files from a model."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seqforge.cli.flags import command, given, parameter, parameters
from seqforge.cli.words import put_json, say
from seqforge.errors import OptionsError, RequestError, UsageError, WriteError, listing
from seqforge.files import make_folder, replacing
from seqforge.plugin import Piece, Plugin
from seqforge.sampling import Controls

if TYPE_CHECKING:
    from seqforge.forge import Generated, Model


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
        parameter("json", bool, False, typer.Option("--json", help="tell what was made as JSON on stdout")),
        parameter("quiet", bool, False, typer.Option("--quiet", help="say nothing on stderr")),
    ]  # fmt: skip
    own += parameters(Controls, panel="How a step is chosen")
    own += [
        parameter(name, list[str] | None, None, typer.Option(f"--{name}", help=help_, metavar="TOKEN",
                  rich_help_panel="How a step is chosen"))
        for name, help_ in (("ban", "never this one; repeatable"), ("force", "begin with it; repeatable"))
    ]  # fmt: skip
    mine = parameters(plugin.Request, panel=f"Request to the plugin {plugin.name!r}") if plugin else []
    app.command("generate")(command(generate, [*own, *mine]))


def generate(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Write new pieces.

    `seqforge generate --plugin NAME --help` shows what else can be asked for.
    """
    if not values["plugin"] and not values["model"]:
        raise UsageError("which plugin or model? Give --plugin NAME or --model FILE; `seqforge models` lists models")
    from seqforge.forge import choose, load

    named = values["model"] or [None]
    path, why = choose(values["plugin"] or "", named[0])
    model = load(path)
    model.average([load(choose(values["plugin"] or model.plugin.name, other)[0]) for other in named[1:]])
    plugin = model.plugin
    if values["plugin"] and plugin.name != values["plugin"]:
        raise UsageError(
            f"{path} is a model of the plugin {plugin.name!r}, not {values['plugin']!r};"
            " leave --plugin out, or name another"
        )
    if not values["quiet"]:
        say(f"model: {path} ({why})")
    where = _where(values["where"] or [])
    asked = {**given(ctx, values, Controls), **{name: values[name] for name in ("ban", "force") if values[name]}}
    controls, _ = model.controls(asked)
    request = given(ctx, values, plugin.Request)
    output, n = values["output"], values["n"]
    target = _Target(plugin, output, n)
    streams = output is None and n == 1 and not values["json"] and not values["beams"]
    streamer = model.streamer() if streams else None
    stream = None if streamer is None else _Stream(model, request, streamer)
    made: list[dict[str, Any]] = []
    waiting: dict[int, Generated] = {}
    for generated in model.stream(
        n,
        seed=values["seed"],
        length=values["length"],
        steps=values["steps"],
        time=values["time"],
        beams=values["beams"],
        length_penalty=values["length_penalty"],
        where=where,
        controls=controls,
        request=request,
        watch=stream,
    ):
        waiting[generated.k] = generated
        if stream is not None:
            stream.show_prompt()
        while len(made) in waiting:
            one = waiting.pop(len(made))
            told: dict[str, Any] = {
                "k": one.k,
                "ended": one.ended,
                "log_probability": one.log_probability,
                "masked": one.masked,
            }
            told["log_probabilities"] = list(one.scores)
            told |= target.take(one.piece, streamed=streamer is not None, show=not values["json"])
            made.append(told)
    written = target.finish()
    if values["json"]:
        put_json({"model": str(path), "plugin": plugin.name, "seed": values["seed"], "pieces": made, **written})
    elif written and not values["quiet"]:
        say(f"wrote {written['path']}")


class _Stream:
    """Shows a piece on stdout while it grows: its prompt with the first step that is drawn."""

    def __init__(self, model: "Model", request: dict[str, Any], streamer: Callable[[Any], str]) -> None:
        self._streamer = streamer
        asked = model.plugin.Request(**request)
        self._prompt = [step for prompt in model.codec.prompts(asked) for step in prompt.example.steps[: prompt.keep]]

    def __call__(self, step: Any) -> None:
        self.show_prompt()
        sys.stdout.write(self._streamer(step))
        sys.stdout.flush()

    def show_prompt(self) -> None:
        """Show the prompt, if it has not been shown."""
        for each in self._prompt:
            sys.stdout.write(self._streamer(each))
        self._prompt = []


class _Target:
    """Where pieces go: stdout, one file, or a folder with a file for each."""

    def __init__(self, plugin: Plugin, wanted: str | None, n: int) -> None:
        self.plugin = plugin
        output = None if wanted is None else Path(wanted)
        self.output = output
        self.pieces: list[Piece] = []
        self.count = 0
        self.folder = output is not None and (
            output.is_dir() or output.suffix == "" or str(wanted).endswith(("/", "\\"))
        )
        if output is None or self.folder:
            return
        if not output.parent.is_dir():
            raise WriteError(f"cannot write {output}: there is no folder {output.parent}; create it first")
        suffix = output.suffix.lower()
        if suffix not in plugin.writes:
            raise RequestError(f"{plugin.name} writes no {suffix} files; it writes {listing(plugin.writes)}")
        if n > 1 and suffix not in plugin.books:
            books = f", or a file that holds several: {listing(plugin.books)}" if plugin.books else ""
            raise RequestError(f"a {suffix} file holds one piece and -n is {n}; give a folder (-o DIR/){books}")

    def take(self, piece: Piece, *, streamed: bool, show: bool) -> dict[str, Any]:
        """Take the next piece; return what to tell about it."""
        self.count += 1
        if self.output is None:
            text = piece.content if isinstance(piece.content, str) else None
            if streamed:
                sys.stdout.write("" if text is None or text.endswith("\n") else "\n")
            elif show and text is not None:
                sys.stdout.write(text if text.endswith("\n") else text + "\n")
            elif show:
                self.pieces.append(piece)
            return {"text": text, "labels": dict(piece.labels)}
        if not self.folder:
            self.pieces.append(piece)
            return {"labels": dict(piece.labels)}
        path = make_folder(self.output) / f"{self.count:04d}{self.plugin.writes[0]}"
        with replacing(path) as temporary:
            self.plugin.write([piece], temporary)
        return {"path": str(path), "labels": dict(piece.labels)}

    def finish(self) -> dict[str, Any]:
        """Write what is to be written at once; return what to tell about it."""
        if self.output is None:
            self._print()
            return {}
        if not self.folder:
            with replacing(self.output) as temporary:
                self.plugin.write(self.pieces, temporary)
        return {"path": str(self.output)}

    def _print(self) -> None:
        """Put pieces whose content is no text on stdout, where a file of theirs would be text."""
        from seqforge.forge import text_of

        together = self.plugin.writes[0] in self.plugin.books
        for group in [self.pieces] if together and self.pieces else [[piece] for piece in self.pieces]:
            text = text_of(self.plugin, group)
            if text is None:
                raise RequestError(f"where to? Give -o FILE ({listing(self.plugin.writes)}) or -o DIR/")
            sys.stdout.write(text)


def _where(given_: list[str]) -> dict[str, str]:
    found = {}
    for each in given_:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise OptionsError(f"--where {each} is not understood; write LABEL=VALUE, as in --where language=Irish")
        found[name] = value
    return found

"""seqforge generate: new files from a model."""

import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from seqforge.api.adaptation_arguments import ADAPT_RATE, ADAPT_STEPS
from seqforge.cli.collection import resume_collection
from seqforge.cli.console import count, data_json, message
from seqforge.cli.flags import command, explicit_values, is_explicit, label_values, parameter, parameters
from seqforge.cli.generate_progress import GenerationProgress, NotEnoughSpaceError
from seqforge.cli.help import command_class, examples, model_names, plugin_names
from seqforge.cli.output import Output, StepStream, check_is_shown, report_entry
from seqforge.cli.replay import run_replay
from seqforge.core.files import STDIN, write_text
from seqforge.core.model_metadata import read_metadata
from seqforge.core.options import flag_name
from seqforge.errors import RequestError, UsageError, listing
from seqforge.plugin import AnyPlugin, registry
from seqforge.sampling import Controls, Precision

if TYPE_CHECKING:
    from seqforge.api.generated import Generated
    from seqforge.api.generation import Generation
    from seqforge.api.model import Model
    from seqforge.core.sequences import Prompt

MODEL, LIMITS, SEARCH, OUTPUT, SAMPLING = "Model", "Length and limits", "Beam search", "Output", "Sampling"
ADAPTATION = "Adaptation"


def add(app: typer.Typer, plugin: AnyPlugin | None) -> None:
    """Add the command, with the flags of a plugin if one was chosen."""
    plugin_flags = parameters(plugin.Request, panel=f"Request to the plugin {plugin.name!r}") if plugin else []
    core = [
        _flag("plugin", str | None, None, MODEL, "Plugin of the domain; shows its own flags.", metavar="NAME",
              autocompletion=plugin_names),
        _flag(
            "model", list[str] | None, None, MODEL,
            "A model file, a run folder, a plugin, a shipped model's name, or 'shipped'; repeat the flag for an"
            " ensemble. Default: the newest finished run below ./runs, else the shipped model.", metavar="MODEL",
            autocompletion=model_names,
        ),
        _flag(
            "label", list[str] | None, None, MODEL,
            "Condition on a label; repeatable. `seqforge info MODEL` lists the labels.", metavar="NAME=VALUE",
        ),
        _flag("guidance", float, 1.0, MODEL,
              "Factor of the effect of the labels: above 1 they count more; 1 leaves the network as it is."),
        _flag("features", Path | None, None, MODEL,
              "A .npy or .csv file with the features of each piece, for a model that reads features; -n is then the"
              " number of its rows by default.", metavar="FILE"),
        _flag("precision", Precision, "float32", MODEL, "Precision of the matrix products."),
        _flag("device", str, "cpu", MODEL, "Device of the matrix products: cpu, or cuda or mps by torch."),
        _flag("adapt", list[Path] | None, None, ADAPTATION,
              "Take a few gradient steps on the pieces of this file or folder before generating; repeatable. The model"
              " file is not changed.", metavar="FILE"),
        _flag("adapt_steps", int, ADAPT_STEPS, ADAPTATION, "Number of gradient steps.", min=1),
        _flag("adapt_rate", float, ADAPT_RATE, ADAPTATION, "Largest learning rate of these steps."),
        _flag("adapt_to", Path | None, None, ADAPTATION, "Also write the adapted model to this file.",
              metavar="MODEL"),
        _flag("length", float | None, None, LIMITS,
              "Length in natural units, prompt included; beyond it, a piece ends as soon as it may. Default: twice the"
              " longest piece of the corpus, at most 1000, beyond the prompt, or more if the request needs it.",
              metavar="UNITS"),
        _flag("max_steps", int | None, None, LIMITS, "Largest number of steps, prompt included.", min=1),
        _flag("max_seconds", float | None, None, LIMITS, "Time limit for all pieces together.", metavar="SECONDS"),
        _flag("max_copy", int, 0, LIMITS,
              "Length of the longest run of the training corpus that may be written, in steps; 0: no limit. It needs"
              " the corpus.", min=0, metavar="STEPS"),
        _flag("seed", int, 0, SAMPLING, "Seed of the random numbers; piece k depends on the seed and k.", min=0),
        _flag("candidates", int, 0, SAMPLING,
              "Candidates sampled per piece, of which one that fits the constraint is kept; 0: the plugin's choice.",
              min=0),
        _flag("best_of", int, 0, SAMPLING,
              "Candidates sampled per piece, of which the most probable per step is kept; 0: see --candidates.", min=0),
        *parameters(Controls, panel=SAMPLING, defaults=plugin.sampling_defaults if plugin else {}),
        _flag("ban", list[str] | None, None, SAMPLING, "Never sample this token; repeatable.", metavar="TOKEN"),
        _flag("logit_bias", list[str] | None, None, SAMPLING, "Add a number to the logit of a token; repeatable.",
              metavar="TOKEN=VALUE"),
        _flag("force_token", list[str] | None, None, SAMPLING, "Continue with this token; repeatable.",
              metavar="TOKEN"),
        _flag("beams", int, 0, SEARCH, "Beam width: return the most probable pieces; 0: sample.", min=0),
        _flag("length_penalty", float, 0.0, SEARCH,
              "Length penalty: 0 ranks by log-probability, 1 nearly by its mean per step."),
        _flag("coverage_penalty", float, 0.0, SEARCH,
              "Penalty on parts of a source that attention by content has not read; about 0.2 for translation."),
        _flag("beam_groups", int, 1, SEARCH,
              "Groups of beams that avoid each other's choices; with -n, the best piece of each comes first.", min=1),
        _flag("beam_diversity", float, 0.5, SEARCH,
              "Cost in nats of a choice for each beam of an earlier group that has just made it."),
        parameter("output", str | None, None, typer.Option(
            "-o", "--output", help="A file (its suffix is the format), a folder that ends in /, or - for stdout.",
            metavar="PATH", rich_help_panel=OUTPUT)),
        _flag("workers", int, 0, LIMITS,
              "Processes that draw the pieces; 0: one per processor if there are many pieces.", min=0),
        parameter("n", int, 1, typer.Option("-n", min=1, help="Number of pieces.", rich_help_panel=OUTPUT)),
        _flag("format", str | None, None, OUTPUT,
              "Formats to write, such as svg,mid; -o is then a folder, or a file without its suffix.",
              metavar="FORMATS"),
        parameter("replace", bool, False, typer.Option(
            "--force", help="Replace files that were not generated, or were edited.", rich_help_panel=OUTPUT)),
        parameter("overwrite", bool, False, typer.Option(
            "--overwrite", help="Number the files of a folder from 0001 again, not after the highest number.",
            rich_help_panel=OUTPUT)),
        _flag("show_attention", Path | None, None, OUTPUT,
              "Draw the attention over the source (such as a text) at each step.", metavar="SVG"),
        _flag("replay", Path | None, None, OUTPUT,
              "Reproduce a generated file or folder from its provenance; with -o, write it in any format."),
        parameter("disk_check", bool, True, typer.Option(
            "--disk-check/--no-disk-check", help="Stop if the disk has not enough space for all pieces.",
            rich_help_panel=OUTPUT)),
        parameter("json", bool, False, typer.Option(
            "--json", help="Print a report of the pieces as JSON on stdout.", rich_help_panel=OUTPUT)),
        _flag("alternatives", int, 0, OUTPUT,
              "Add the most probable tokens at each step, this many, to the report of --json.", min=0),
        parameter("quiet", bool, False, typer.Option(
            "--quiet", help="Print no messages on stderr.", rich_help_panel=OUTPUT)),
    ]  # fmt: skip
    app.command(
        "generate",
        cls=command_class(plugin.name if plugin else None),
        epilog=examples(
            'seqforge generate --plugin text --prompt "ROMEO:" --length 300',
            "seqforge generate --model abc -n 20 -o tunes/",
            "seqforge generate --replay tunes/0005.abc",
        ),
    )(command(generate, [*plugin_flags, *core]))


def _flag(name: str, kind: Any, default: Any, panel: str, text: str, **settings: Any) -> Any:
    return parameter(name, kind, default, typer.Option(flag_name(name), help=text, rich_help_panel=panel, **settings))


def generate(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Generate new pieces.

    `seqforge generate --plugin NAME --help` shows the plugin's own flags as well.

    Every file gets a provenance record, from which `--replay FILE` reproduces it. A file that was written by hand or
    edited is replaced only with `--force`.

    `-` means standard input wherever a file is read, and `-o -` writes to standard output.
    """
    logging.getLogger("seqforge").setLevel(logging.ERROR if values["quiet"] else logging.NOTSET)
    if values["replay"] is not None:
        run_replay(values)
        return
    if not values["plugin"] and not values["model"]:
        raise UsageError("no model is named; set `plugin` or `model` (`seqforge models` lists models)", field="model")
    from seqforge.api.feature_rows import plain_features
    from seqforge.api.generation_request import GenerationRequest, check_request
    from seqforge.api.model_paths import resolve_model
    from seqforge.api.output import check_output, parse_formats
    from seqforge.api.provenance import input_files

    # 1. Everything that can be checked without torch and the weights is checked first.
    names = values["model"] or [None]
    choice = resolve_model(names[0], plugin=values["plugin"])
    metadata = read_metadata(choice.path)
    plugin = _plugin_of_model(choice.path, metadata, values["plugin"])
    others = [resolve_model(name, plugin=plugin.name).path for name in names[1:]]
    controls = explicit_values(ctx, values, Controls)
    tokens = {"ban": values["ban"], "force": values["force_token"], "logit_bias": values["logit_bias"]}
    controls |= {name: value for name, value in tokens.items() if value}
    request = GenerationRequest(
        models=tuple(str(path.resolve()) for path in (choice.path, *others)),
        labels=label_values(values["label"] or []),
        features=plain_features(values["features"]),
        controls=controls,
        request=_plain(explicit_values(ctx, values, plugin.Request), plugin.Request),
        n=_number_of_pieces(ctx, values),
        adapt=tuple(str(file.absolute()) for file in values["adapt"] or ()),
        **{name: values[name] for name in ("seed", "length", "max_steps", "max_seconds", "max_copy", "beams",
                                           "length_penalty", "coverage_penalty", "beam_groups", "beam_diversity",
                                           "precision", "device", "candidates", "best_of", "guidance", "alternatives",
                                           "adapt_steps", "adapt_rate")},
    )  # fmt: skip
    if values["output"] is None and not values["json"]:
        check_is_shown(plugin)
    inputs = [*map(Path, request.models), *input_files(request)]
    output = Output(
        plugin, values["output"], request.n, formats=parse_formats(values["format"]), inputs=inputs,
        replace=values["replace"], overwrite=values["overwrite"],
    )  # fmt: skip
    attention = None
    if values["show_attention"]:
        network = metadata.get("network")
        attends = bool(network.get("source_symbols", 1)) if isinstance(network, dict) else True
        attention = _AttentionDrawing(plugin, values["show_attention"], request.n, attends=attends)
        check_output(attention.path, inputs, plugin=None, replace=values["replace"], field="show_attention")
    check_request(request, plugin, metadata)
    _check_adapt_to(values, inputs)
    if not values["quiet"]:
        message(f"model: {choice.path} ({choice.reason})")
    # 2. Load the model and generate.
    from seqforge.api.generation import Generation
    from seqforge.api.parallel import default_workers
    from seqforge.api.requested_model import requested_model

    if request.adapt and not values["quiet"]:
        message(f"adapting to {listing(map(str, values['adapt']))}: {count(request.adapt_steps, 'gradient step')}")
    model = requested_model(request)
    resume_collection()
    if values["adapt_to"] is not None:
        model.save(values["adapt_to"])
    generation = Generation(model, request)
    shown = not values["quiet"] and (output.files is not None or not sys.stdout.isatty())
    with GenerationProgress(request.n, shown=shown, folder=output.folder if values["disk_check"] else None) as progress:
        try:
            report, stopped = _write(
                generation,
                output,
                show=not values["json"],
                attention=attention,
                progress=progress,
                workers=values["workers"] or default_workers(request),
            )
        except BaseException:
            output.save_record(generation)  # the files that are complete stay
            raise
        if stopped is not None and (output.files is None or not report):
            message("interrupted; nothing was written" if output.files else "interrupted")
            raise typer.Exit(130) from None
        generation.request = dataclasses.replace(request, n=len(report))  # fewer if the generation was stopped
        written = output.finish(generation)
    if values["json"] and not output.stdout:
        entry = {"model": str(choice.path), "plugin": plugin.name, "seed": request.seed, "pieces": report}
        data_json({**entry, **written})
    elif output.files is not None and not values["quiet"]:
        is_folder = Path(written["path"]).is_dir()
        files = f"{count(len(report), 'piece')} in the folder {written['path']}" if is_folder else ""
        message(f"wrote {files or listing(written.get('paths', [written['path']]))}")
    if isinstance(stopped, KeyboardInterrupt):
        message(f"interrupted; {len(report)} of {count(request.n, 'piece')} are written, with their provenance")
        raise typer.Exit(130)
    if stopped is not None:
        raise stopped


def _check_adapt_to(values: dict[str, Any], inputs: Sequence[Path]) -> None:
    """Check the file of --adapt-to.

    Raises:
        UsageError: If there is no adaptation, there are several models, or the file would replace another one.
    """
    path = values["adapt_to"]
    if path is None:
        return
    if not values["adapt"]:
        raise UsageError(
            "`adapt_to` needs `adapt`, the pieces to adapt the model to", field="adapt_to", value=str(path)
        )
    if len(values["model"] or ()) > 1:
        raise UsageError(
            "`adapt_to` writes one adapted model, and several are named; name one `model`", field="adapt_to"
        )
    from seqforge.api.output import check_output

    check_output(path, inputs, plugin=None, replace=values["replace"], field="adapt_to")


def _number_of_pieces(ctx: typer.Context, values: dict[str, Any]) -> int:
    """Return the number of pieces: that of the rows of features if there are some and the user set no number."""
    if values["features"] is None or is_explicit(ctx, "n") or not values["features"].is_file():
        return int(values["n"])
    from seqforge.corpus import open_features

    return len(open_features(values["features"].absolute()).values)


def _plugin_of_model(path: Path, metadata: dict[str, Any], name: str | None) -> AnyPlugin:
    """Return the plugin of a model.

    Raises:
        UsageError: If it is not the plugin that the user named.
    """
    plugin = registry.load(metadata["plugin"])
    if name and plugin.name != name:
        raise UsageError(
            f"{path} is a model of the plugin {plugin.name!r}, not {name!r}; leave `plugin` out, or name another model",
            field="plugin",
            value=name,
        )
    return plugin


def _write(
    generation: "Generation",
    output: Output,
    *,
    show: bool,
    attention: "_AttentionDrawing | None",
    progress: GenerationProgress,
    workers: int,
) -> tuple[list[dict[str, Any]], BaseException | None]:
    """Generate the pieces and write them in order.

    Returns:
        The entries of the JSON report, empty without --json; and what stopped the generation early: Ctrl-C or a disk
        that is too small, else None.
    """
    from seqforge.api.parallel import generate_parallel

    request = generation.request
    on_terminal = output.files is None and not output.stdout
    streams = on_terminal and request.n == 1 and show and not request.beams and len(generation.prompts) == 1
    streamer = generation.model.streamer() if streams and output.is_plain else None
    stream = None if streamer is None else StepStream(generation.prompts, streamer)
    report: list[dict[str, Any]] = []
    try:
        pieces = generation.run_in_order(stream) if stream is not None else generate_parallel(generation, workers)
        for generated in pieces:
            if attention is not None:
                attention.draw(cast("Model", generation.model), generated, generation.prompts)
            if stream is not None:
                stream.show_prompt()
            files = output.file_count
            with progress.writing():
                written = output.add(generated.piece, streamed=stream is not None, show=show)
                with_alternatives = request.alternatives > 0
                report.append({} if show else report_entry(generated, written, alternatives=with_alternatives))
            progress.add(output.paths(files), generated.piece.content)
    except (KeyboardInterrupt, NotEnoughSpaceError) as error:
        return report, error
    return report, None


class _AttentionDrawing:
    """Draws the attention of a generated piece.

    Args:
        plugin: The plugin.
        path: The path of the drawing.
        n: The number of pieces, which must be 1.
        attends: Whether the model attends to a source.

    Raises:
        RequestError: If the model has no attention, or the drawing is not possible.
    """

    def __init__(self, plugin: AnyPlugin, path: Path, n: int, *, attends: bool) -> None:
        self.path = path
        if not attends:
            raise RequestError(
                f"`show_attention` has no meaning here: models of the plugin {plugin.name!r} attend to no source",
                field="show_attention",
            )
        if path.suffix.lower() != ".svg":
            raise RequestError.invalid("show_attention", str(path), "a file that ends in .svg")
        if n != 1:
            raise RequestError(f"`show_attention` draws one piece, and `n` is {n}; leave `n` out", field="n", value=n)

    def draw(self, model: "Model", generated: "Generated", prompts: "Sequence[Prompt]") -> None:
        """Write the drawing of a piece, given the prompts of its parts."""
        from seqforge.evaluation import draw_attention

        parts = [
            (model.attention(example, prompt=prompt), [*model.codec.source_names(example.source), "end"])
            for example, prompt in zip(generated.examples, prompts, strict=True)
            if example.source is not None
        ]
        if not parts:
            raise RequestError(
                "`show_attention` has nothing to draw, since no source (such as a text) was given",
                field="show_attention",
            )
        write_text(self.path, draw_attention(parts))


def _plain(request: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return the fields of a request with absolute paths as strings; standard input stays "-".

    Args:
        request: The values by field.
        kind: The plugin's Request; a text with the unit FILE may name a file and a selection (`book.abc#3:5-8`).
    """
    from seqforge.api.provenance import named_file

    units = {item.name: str(item.metadata.get("unit", "")) for item in dataclasses.fields(kind)}
    values = dict(request)
    for name, value in request.items():
        if isinstance(value, str) and units[name].startswith("FILE") and named_file(value) is not None:
            values[name] = str(Path(value).absolute())
        elif isinstance(value, Path):
            values[name] = str(value if value == STDIN else value.absolute())
    return values

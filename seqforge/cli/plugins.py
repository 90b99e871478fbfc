"""seqforge plugins: list and show plugins; check, create or publish one."""

import json as jsonlib
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from seqforge.cli.console import count, data, data_json, message, table, with_flags
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, command_group, examples
from seqforge.cli.publish import publish
from seqforge.core.options import flag_name
from seqforge.errors import RequestError, UsageError
from seqforge.plugin import Illustrates, registry

OUTCOMES = {"passed": "ok", "failed": "FAILED", "skipped": "-", "known failure": "known"}


def add(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = command_group(
        "List plugins, show or check one, create a new one, or publish it.",
        examples("seqforge plugins", "seqforge plugins show abc"),
    )
    group.callback()(plugins)
    group.command(
        "list", cls=HelpCommand, help="List the installed plugins.", epilog=examples("seqforge plugins list --json")
    )(list_plugins)
    group.command("show", cls=HelpCommand, epilog=examples("seqforge plugins show abc"))(show)
    group.command("check", cls=HelpCommand, epilog=examples("seqforge plugins check abc --request 'bars=8'"))(check)
    group.command("new", cls=HelpCommand, epilog=examples("seqforge plugins new chess --suffix .pgn"))(new)
    group.command("publish", cls=HelpCommand, epilog=examples("seqforge plugins publish --check seqforge-chess"))(
        publish
    )
    app.add_typer(group, name="plugins")


def plugins(ctx: typer.Context, json: AsJson = False) -> None:
    """List the installed plugins from their metadata, without importing them. `plugins show NAME` shows more."""
    if ctx.invoked_subcommand is None:
        list_plugins(json)


def list_plugins(json: AsJson = False) -> None:
    """Print the installed plugins."""
    entries = registry.installed()
    if json:
        data_json([vars(entry) for entry in entries])
        return
    for entry in entries:
        if entry.clash:
            message(
                f"note: {entry.name!r} is also announced by {', '.join(entry.clash)}; uninstall all but one of them"
            )
    if entries:
        rows = [["plugin", "distribution", "entry point"]]
        data(table(rows + [[entry.name, entry.distribution, entry.target] for entry in entries]))
    else:
        message("no plugin is installed; try: pip install seqforge-text")


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the plugin.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Draw the choices that its model offers, such as styles."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another file of that name.")] = False,
    json: AsJson = False,
) -> None:
    """Show what a plugin reads, writes and can be asked for. It is imported in a separate process."""
    description = registry.describe(name)
    if output is not None:
        _illustrate(name, output, replace=force)
    if json:
        data_json(description)
        return
    data(f"{description['name']}: {description['summary']}")
    rows = [
        ["distribution", f"{description['distribution']} (api {description['api']})"],
        ["reads", ", ".join(description["reads"]) or "any file"],
        *([["imports", ", ".join(description["imports"])]] if description["imports"] else []),
        ["writes", ", ".join(description["writes"])],
        ["several pieces per file", ", ".join(description["multi_piece"]) or "none"],
        ["unit", description["unit"]],
        ["models", ", ".join(Path(model).stem for model in description["models"]) or "none"],
    ]
    data(table(rows))
    for fields, command in (("options", "train"), ("request", "generate")):
        if description[fields]:
            data(f"\nflags of `seqforge {command} --plugin {name}`")
            data(table([_flag_row(field) for field in description[fields]]))


def _illustrate(name: str, output: Path, *, replace: bool) -> None:
    """Write the drawing of the choices that a plugin's model offers.

    Raises:
        RequestError: If there is nothing to draw.
        UsageError: If another file is there, which would be lost.
    """
    from seqforge.api.model_loading import load
    from seqforge.api.output import check_format, check_output
    from seqforge.api.text import file_bytes
    from seqforge.core.files import replacing

    model = load(name)
    if not isinstance(model.codec, Illustrates):
        raise RequestError(f"models of the plugin {name!r} offer no choices that can be drawn", field="output")
    suffix = output.suffix.lower()
    check_format(model.plugin, suffix, 1)
    content = file_bytes(model.plugin, [model.codec.illustration()], suffix)
    is_same = output.is_file() and output.read_bytes() == content
    check_output(output, [], plugin=None, replace=replace or is_same)
    with replacing(output) as temporary:
        temporary.write_bytes(content)
    message(f"wrote {output}")


def _flag_row(field: dict[str, Any]) -> list[str]:
    flag = flag_name(field["name"])
    default = "" if field["default"] in (None, "") else f" (default {field['default']})"
    return [flag, with_flags(f"{field['help']}{default}")]


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the plugin.")],
    samples: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of files to check with. Default: the corpora installed for it."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Check with this option of the plugin; repeatable.")
    ] = None,
    request: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME=VALUE ...'", help="Check with this request, too; repeatable."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="Run only this check; repeatable.")] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK=REASON", help="This check is known to fail for this reason; repeatable."),
    ] = None,
    limit: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Time limit of one call to the plugin.")
    ] = 60.0,
    json: AsJson = False,
) -> None:
    """Check that an installed plugin follows the contract. It runs in a separate process."""
    from seqforge.testing import CHECKS, Result, check_plugin

    def on_result(result: Result) -> None:
        if not json:
            data(f"{OUTCOMES[result.outcome]:6}  {result.check:29}  {result.message}".rstrip())
            if result.outcome == "failed":
                data(f"{'':6}  {'':29}  the rule: {CHECKS[result.check].rule}")

    report = check_plugin(
        name,
        samples=samples,
        options={key: _json_value(text) for key, text in _pairs(option, "--option").items()},
        requests=[_request(text) for text in request or []],
        known=_pairs(known, "--known"),
        only=only or None,
        limit_s=limit,
        on_result=on_result,
    )
    if json:
        data_json(report.to_json())
    where = f", checked with {report.samples}" if report.samples else ""
    outcomes = [result.outcome for result in report.results]
    numbers = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in OUTCOMES if outcome in outcomes)
    message(f"{name} ({report.distribution}){where}: {count(len(outcomes), 'check')}: {numbers}")
    if not report.ok:
        raise typer.Exit(1)


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the new plugin: lower-case letters, digits, hyphens.")
    ],
    suffix: Annotated[str, typer.Option(help="Suffix of the files it reads and writes.", metavar=".SUFFIX")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Folder. Default: seqforge-NAME.")
    ] = None,
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="What a step is: tokens, vectors, or pairs (a target for a source).")
    ] = "tokens",
) -> None:
    """Write the package of a new plugin, which installs, passes its own tests and trains at once."""
    from seqforge.scaffold import new_plugin

    written = new_plugin(name, suffix=suffix, folder=output, kind=kind)
    folder = output or Path(f"seqforge-{name}")
    for path in written:
        data(str(path))
    message(f"next: pip install -e {folder}, then: seqforge plugins check {name}, and: seqforge train --plugin {name}")


def _pairs(texts: list[str] | None, flag: str) -> dict[str, str]:
    """Return NAME=VALUE texts as names and values."""
    pairs = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} {text} is not a name and a value; write {flag} NAME=VALUE")
        pairs[name.strip().replace("-", "_")] = value
    return pairs


def _request(text: str) -> dict[str, Any]:
    """Return the fields of a request such as "bars=8 key='D minor'"."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--request {text} has an open quotation mark", field="request", value=text) from error
    return {name: _json_value(value) for name, value in _pairs(words, "--request").items()}


def _json_value(text: str) -> Any:
    """Return the value of a text on the command line: a number, true, false, null, or the text itself."""
    try:
        return jsonlib.loads(text)
    except ValueError:
        return text

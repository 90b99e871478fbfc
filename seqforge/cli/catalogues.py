"""seqforge plugins and corpora: what is installed. What plugin authors need is in `authors`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seqforge.plugin import registry
from seqforge.cli import authors
from seqforge.cli.console import put, put_json, say, table
from seqforge.errors import RequestError
from seqforge.plugin import Illustrates

AsJson = Annotated[bool, typer.Option("--json", help="as JSON on stdout")]


def add(app: typer.Typer) -> None:
    """Add the two groups of commands."""
    plugins = typer.Typer(help="List plugins, show or check one, or begin a new one.", invoke_without_command=True)
    plugins.callback()(list_plugins)
    plugins.command("list", help="List the installed plugins.")(plugins_list)
    plugins.command("show")(show_plugin)
    authors.add(plugins)
    app.add_typer(plugins, name="plugins")
    corpora = typer.Typer(help="List corpora, or show one.", invoke_without_command=True)
    corpora.callback()(list_corpora)
    corpora.command("list", help="List the installed corpora.")(corpora_list)
    corpora.command("show")(show_corpus)
    app.add_typer(corpora, name="corpora")


def list_plugins(ctx: typer.Context, json: AsJson = False) -> None:
    """List the installed plugins, from their metadata: none is imported. `plugins show NAME` tells more."""
    if ctx.invoked_subcommand is None:
        plugins_list(json)


def plugins_list(json: AsJson = False) -> None:
    """Print the installed plugins."""
    entries = registry.installed()
    if json:
        put_json([vars(entry) for entry in entries])
        return
    for entry in entries:
        if entry.clash:
            say(f"note: {entry.name!r} is also announced by {', '.join(entry.clash)}; uninstall all but one of them")
    if entries:
        rows = [["plugin", "from", "entry point"]]
        put(table(rows + [[entry.name, entry.distribution, entry.target] for entry in entries]))
    else:
        say("no plugin is installed; try: pip install seqforge-text")


def show_plugin(
    name: Annotated[str, typer.Argument(help="the plugin")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="draw here what its model offers to choose from")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show what a plugin reads, writes and can be asked for. It is imported in a process of its own."""
    told = registry.describe(name)
    if output is not None:
        _illustrate(name, output)
    if json:
        put_json(told)
        return
    put(f"{told['name']}: {told['summary']}")
    rows = [
        ["from", f"{told['distribution']} (api {told['api']})"],
        ["reads", ", ".join(told["reads"]) or "any file"],
        ["writes", ", ".join(told["writes"])],
        ["several pieces in one", ", ".join(told["books"]) or "none"],
        ["unit", told["unit"]],
        ["models", ", ".join(Path(model).stem for model in told["models"]) or "none"],
    ]
    put(table(rows))
    for title, verb in (("options", "train"), ("request", "generate")):
        if told[title]:
            put(f"\nflags of `seqforge {verb} --plugin {name}`")
            put(table([_flag(each) for each in told[title]]))


def _illustrate(name: str, output: Path) -> None:
    """Write what shows the choices that a plugin's model offers.

    Raises:
        RequestError: there is nothing to choose from that could be shown.
    """
    from seqforge.cli.output import Target
    from seqforge.api import choose, load

    model = load(choose(name, None)[0])
    if not isinstance(model.codec, Illustrates):
        raise RequestError(f"-o draws what a model offers to choose from, and those of {name!r} offer nothing to draw")
    target = Target(model.plugin, str(output), 1)
    target.take(model.codec.illustration(), streamed=False, show=False)
    say(f"wrote {target.finish()['path']}")


def list_corpora(ctx: typer.Context, json: AsJson = False) -> None:
    """List the installed corpora. `corpora show NAME` tells licence, source and split."""
    if ctx.invoked_subcommand is None:
        corpora_list(json)


def corpora_list(json: AsJson = False) -> None:
    """Print the installed corpora."""
    from seqforge.corpus import sound_corpora

    found, wrong = sound_corpora()
    for error in wrong:
        say(f"note: {error}")
    if json:
        put_json([_corpus(corpus) for corpus in found])
        return
    rows = [["corpus", "plugin", "licence", "what"]]
    rows += [
        [c.name + (" *" if c.default else ""), c.domain, c.licence.removeprefix("LicenseRef-"), c.summary]
        for c in found
    ]
    put(table(rows))
    say("* taken by `seqforge train` where no corpus is named")


def show_corpus(name: Annotated[str, typer.Argument(help="the corpus")], json: AsJson = False) -> None:
    """Show a corpus: licence, source, attribution, counts, split."""
    from seqforge.corpus import find_corpus

    told = _corpus(find_corpus(name))
    if json:
        put_json(told)
        return
    put(table([[key, _plain(value)] for key, value in told.items()]))


def _corpus(corpus: Any) -> dict[str, Any]:
    return {name: str(value) if name == "folder" else value for name, value in vars(corpus).items()}


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each:,}" if isinstance(each, int) else f"{key} {each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _flag(field: dict[str, Any]) -> list[str]:
    name = "--" + field["name"].replace("_", "-")
    default = "" if field["default"] in (None, "") else f" (default {field['default']})"
    return [name, f"{field['help']}{default}"]

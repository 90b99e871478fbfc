"""seqforge corpora: the installed corpora."""

from typing import Annotated, Any

import typer

from seqforge.cli.console import data, data_json, message, table
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, command_group, examples


def add(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = command_group("List corpora, or show one.", examples("seqforge corpora", "seqforge corpora show ryans"))
    group.callback()(corpora)
    group.command(
        "list", cls=HelpCommand, help="List the installed corpora.", epilog=examples("seqforge corpora list --json")
    )(list_corpora)
    group.command("show", cls=HelpCommand, epilog=examples("seqforge corpora show ryans"))(show)
    app.add_typer(group, name="corpora")


def corpora(ctx: typer.Context, json: AsJson = False) -> None:
    """List the installed corpora. `corpora show NAME` shows licence, source and split."""
    if ctx.invoked_subcommand is None:
        list_corpora(json)


def list_corpora(json: AsJson = False) -> None:
    """Print the installed corpora."""
    from seqforge.corpus import readable_corpora

    readable, errors = readable_corpora()
    for error in errors:
        message(f"note: {error}")
    if json:
        data_json([_to_json(corpus) for corpus in readable])
        return
    rows = [["corpus", "plugin", "licence", "content"]]
    rows += [
        [c.name + (" *" if c.default else ""), c.domain, c.licence.removeprefix("LicenseRef-"), c.summary]
        for c in readable
    ]
    data(table(rows))
    message("* used by `seqforge train` if no corpus is named")


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the corpus.")], json: AsJson = False
) -> None:
    """Show a corpus: licence, source, attribution, counts, split."""
    from seqforge.corpus import find_corpus

    values = _to_json(find_corpus(name))
    if json:
        data_json(values)
        return
    data(table([[key, _plain(value)] for key, value in values.items()]))


def _to_json(corpus: Any) -> dict[str, Any]:
    return {name: str(value) if name == "folder" else value for name, value in vars(corpus).items()}


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item:,}" if isinstance(item, int) else f"{key} {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)

"""seqforge plugins check and new: for those who write a plugin."""

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any

import typer

from seqforge.cli.console import count, put, put_json, say
from seqforge.errors import UsageError

WORDS = {"passed": "ok", "failed": "FAILED", "skipped": "-", "known failure": "known"}


def add(plugins: typer.Typer) -> None:
    """Add the two commands to the group `plugins`."""
    plugins.command("check")(check)
    plugins.command("new")(new)


def check(
    name: Annotated[str, typer.Argument(help="the plugin")],
    samples: Annotated[
        Path | None, typer.Option(help="a folder of its files to try it on; default: the corpora installed for it")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="try it with this option of its own (repeatable)")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="make this check only (repeatable)")] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK=REASON", help="this check is known to fail, for that reason (repeatable)"),
    ] = None,
    limit: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="longest call into the plugin")] = 60.0,
    json: Annotated[bool, typer.Option("--json", help="as JSON on stdout")] = False,
) -> None:
    """Check that an installed plugin keeps the contract. It is tried in a process of its own."""
    from seqforge.testing import CHECKS, Result, check_plugin

    def tell(result: Result) -> None:
        if not json:
            put(f"{WORDS[result.outcome]:6}  {result.check:29}  {result.message}".rstrip())
            if result.outcome == "failed":
                put(f"{'':6}  {'':29}  the rule: {CHECKS[result.check].rule}")

    report = check_plugin(
        name,
        samples=samples,
        options={key: _value(text) for key, text in _pairs(option, "--option").items()},
        known=_pairs(known, "--known"),
        only=only or None,
        limit_s=limit,
        on_result=tell,
    )
    if json:
        put_json(report.to_json())
    tried = f", tried on {report.samples}" if report.samples else ""
    outcomes = [result.outcome for result in report.results]
    numbers = ", ".join(f"{outcomes.count(each)} {each}" for each in WORDS if each in outcomes)
    say(f"{name} ({report.distribution}){tried}: {count(len(outcomes), 'check')}: {numbers}")
    if not report.ok:
        raise typer.Exit(1)


def new(
    name: Annotated[str, typer.Argument(help="the new plugin's name: small letters, digits, hyphens")],
    suffix: Annotated[str, typer.Option(help="of the files it reads and writes", metavar=".SUFFIX")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="the folder; default: seqforge-NAME")] = None,
) -> None:
    """Write a package for a new plugin, which installs, passes its own tests and trains at once."""
    from seqforge.scaffold import new_plugin

    written = new_plugin(name, suffix=suffix, folder=output)
    place = output or Path(f"seqforge-{name}")
    for path in written:
        put(str(path))
    say(f"now: pip install -e {place}, then: seqforge plugins check {name}, and: seqforge train --plugin {name}")


def _pairs(given: list[str] | None, flag: str) -> dict[str, str]:
    """Return NAME=VALUE words as names and values."""
    found = {}
    for text in given or []:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise UsageError(f"{flag} {text} is no name and value; write {flag} NAME=VALUE")
        found[name.strip().replace("-", "_")] = value
    return found


def _value(text: str) -> Any:
    """Return what a word on the command line means: a number, true, false, null, or the word itself."""
    try:
        return jsonlib.loads(text)
    except ValueError:
        return text

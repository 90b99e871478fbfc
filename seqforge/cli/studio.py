"""seqforge studio and seqforge serve: the local web page, and the same server as an API for programs."""

from pathlib import Path
from typing import Annotated

import typer

from seqforge.cli.console import data, message
from seqforge.cli.help import HelpCommand, examples
from seqforge.core.extras import require

Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="MODEL", help="A further model: a model file or a run folder; repeatable."),
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(cls=HelpCommand, epilog=examples("seqforge studio", "seqforge studio --model my.safetensors"))(studio)
    app.command(cls=HelpCommand, epilog=examples("seqforge serve --port 8001"))(serve)


def studio(
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="The port; 0 for any free one.")] = 8000,
    model: Models = None,
    session: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A session file, opened at the start and written after each change."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and open no browser.")] = False,
) -> None:
    """Open a local web page in which every plugin can be heard, seen, chosen and changed. Ctrl-C ends it.

    The server listens on this machine only, and its address contains a token. Nothing is sent to another machine.
    """
    _check_extra()
    from seqforge.studio.app import create_app
    from seqforge.studio.server import run_server

    def on_start(address: str, token: str) -> None:
        message("the studio is open at this address; Ctrl-C ends it")
        data(address)

    run_server(create_app, port, on_start=on_start, browser=not no_browser, models=tuple(model or ()), session=session)


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="The port; 0 for any free one.")] = 8001,
    model: Models = None,
    limit: Annotated[
        float, typer.Option(min=1, max=3600, metavar="SECONDS", help="The time limit of a request.")
    ] = 120.0,
) -> None:
    """Serve models to programs on this machine: /openapi.json describes the requests. Ctrl-C ends it.

    Programs send the token that is printed as `Authorization: Bearer TOKEN`.
    """
    _check_extra()
    from seqforge.studio.api import create_api
    from seqforge.studio.server import run_server

    def on_start(address: str, token: str) -> None:
        message("the API is open; /openapi.json describes it, and Ctrl-C ends it")
        data(f"{address.partition('?')[0]}\n{token}")

    run_server(create_api, port, on_start=on_start, models=tuple(model or ()), limit_s=limit)


def _check_extra() -> None:
    """Check that the extra is installed.

    Raises:
        UsageError: If it is not.
    """
    for name in ("starlette", "uvicorn"):
        require(name, extra="studio", purpose="the server")

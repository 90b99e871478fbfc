"""seqforge push: publish a model on the Hugging Face Hub."""

from typing import Annotated

import typer

from seqforge.cli.console import data, message
from seqforge.cli.help import HelpCommand, examples


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=HelpCommand, epilog=examples("seqforge push runs/abc/0001 ann/reels"))(push)


def push(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    repository: Annotated[str, typer.Argument(metavar="USER/NAME", help="The repository; it is created if needed.")],
    private: Annotated[bool, typer.Option("--private", help="Create a private repository.")] = False,
) -> None:
    """Publish a model with its card on the Hugging Face Hub. It needs huggingface-hub (the extra `hub`) and a login.

    `--model hf:USER/NAME` then names the model in every command.
    """
    from seqforge.api.hub import PREFIX, push_model
    from seqforge.api.model_paths import resolve_model

    path = resolve_model(model).path
    message(f"model: {path}")
    data(push_model(path, repository, private=private))
    message(f"  seqforge generate --model {PREFIX}{repository.removeprefix(PREFIX)}")

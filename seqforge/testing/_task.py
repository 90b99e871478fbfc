"""Checks of tasks: the prompts of a request, and the result that is made of the generated parts."""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from seqforge.core.options import without_none
from seqforge.errors import RequestError
from seqforge.plugin.validation import write_pieces
from seqforge.testing._compare import prompt_digest
from seqforge.testing._results import CheckFailed
from seqforge.testing._subject import Subject
from seqforge.testing._walks import random_result, state_after_prompt


def task_has_prompts(subject: Subject) -> str:
    """`task` returns at least one prompt that its constraint allows, and the same prompts for an equal request."""
    for request, task in zip(subject.requests, subject.tasks, strict=True):
        for prompt in task.prompts:
            if prompt.constraint is not None:
                state_after_prompt(subject, prompt)
        again = subject.task(request)
        with subject.calling("task", f"{request} again"):
            digests = [[prompt_digest(prompt) for prompt in prompts] for prompts in (task.prompts, again.prompts)]
        if digests[0] != digests[1]:
            raise subject.failure("task", f"returns other prompts when it is called again with {request}")
    prompts = [prompt for task in subject.tasks for prompt in task.prompts]
    lengths = [len(prompt.example.steps) for prompt in prompts]
    constrained = sum(prompt.constraint is not None for prompt in prompts)
    return f"prompts: {len(prompts)}, of {min(lengths)} to {max(lengths)} steps; with a constraint: {constrained}"


def finish_returns_a_piece(subject: Subject) -> str:
    """`Task.finish` returns one piece for the decoded parts, even if the files of the request no longer exist.

    `Task.draft` returns a piece for the first parts, or None.

    `Codec.task` is called once per request and reads its files, which may be pipes. A field of type Path is also set to
    a file that the plugin wrote; the plugin may reject it with a RequestError.
    """
    subject.require("task_has_prompts")
    subject.require("constraint_follows_its_laws")
    subject.require("allowed_steps_decode")
    rng, results, rejected = subject.rng("finish"), 0, 0
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for request in [*subject.requests, *_file_requests(subject, Path(folder))]:
            request, copies = _with_copied_files(request, Path(folder))
            try:
                task = subject.task(request, allowed=(RequestError,))
                for path in copies:
                    path.unlink()
                random_result(subject, task, rng, 8, allowed=(RequestError,))
                results += 1
            except RequestError:
                rejected += 1
    return f"{results} requests" + (f", {rejected} rejected with an error message" if rejected else "")


def _file_requests(subject: Subject, folder: Path) -> Iterator[Any]:
    """Yield the default request with each field of type Path set to a file that the plugin wrote."""
    plugin = subject.plugin
    hints = get_type_hints(plugin.Request)
    fields = [name for name, hint in hints.items() if without_none(hint)[0] is Path]
    suffixes = [suffix for suffix in plugin.writes if not plugin.reads or suffix in plugin.reads]
    if not fields or not suffixes or "files_are_written" in subject.failed:
        return
    path = folder / f"piece{suffixes[0]}"
    example = min(subject.short_examples, key=lambda example: len(example.steps))
    with subject.calling("write", f"a piece as {suffixes[0]}"):
        write_pieces(plugin, [subject.codec.decode(example)], path)
    for name in fields:
        try:
            yield dataclasses.replace(subject.requests[0], **{name: path})
        except Exception as error:
            raise CheckFailed(f"{subject.owner_text}: Request with {name}={path.name!r} raises {error!r}") from error


def _with_copied_files(request: Any, folder: Path) -> tuple[Any, list[Path]]:
    """Return a request whose files are replaced by copies in a folder, and the copies."""
    copies: dict[str, Path] = {}
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        if isinstance(value, Path) and value.is_file():
            copies[field.name] = folder / f"copy-{len(list(folder.iterdir()))}-{value.name}"
            copies[field.name].write_bytes(value.read_bytes())
    return dataclasses.replace(request, **copies), list(copies.values())

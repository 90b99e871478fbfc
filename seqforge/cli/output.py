"""Where generated pieces are written: to stdout, to one file, or to a folder with one file per piece."""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqforge.core.sequences import Prompt
from seqforge.errors import RequestError, listing
from seqforge.plugin import AnyPlugin, Piece

if TYPE_CHECKING:
    from seqforge.api.generated import Generated
    from seqforge.api.generation import Generation

STDOUT = "-"


class StepStream:
    """Shows a piece on stdout while it grows; its prompt is shown with the first sampled step.

    Args:
        prompts: The prompts of the task.
        streamer: Turns a step into text.
    """

    def __init__(self, prompts: Sequence[Prompt], streamer: Callable[[Any], str]) -> None:
        self._streamer = streamer
        self._prompt = [step for prompt in prompts for step in prompt.example.steps[: prompt.keep]]

    def __call__(self, step: Any) -> None:
        self.show_prompt()
        sys.stdout.write(self._streamer(step))
        sys.stdout.flush()

    def show_prompt(self) -> None:
        """Show the prompt unless it has been shown."""
        for step in self._prompt:
            sys.stdout.write(self._streamer(step))
        self._prompt = []


def check_is_shown(plugin: AnyPlugin) -> None:
    """Raise a RequestError if pieces are pictures, which a terminal cannot show; a pipe or a file receives them."""
    from seqforge.cli.show import PICTURES

    if plugin.writes[0] in PICTURES and sys.stdout.isatty():
        formats = listing(plugin.writes)
        raise RequestError(f"a terminal cannot show a picture; set -o FILE ({formats}) or -o DIR/", field="output")


class Output:
    """The destination of generated pieces, which is checked before the model is loaded.

    Args:
        plugin: The plugin that writes the pieces.
        path: The value of `-o`: a file, a folder, "-" for stdout; None for stdout, for people.
        n: The number of pieces.
        formats: Suffixes of the formats to write; () for the suffix of the file, or the plugin's first format.
        inputs: Files that are read, which are never replaced.
        replace: Whether to replace files that would be lost.
        overwrite: Whether to number the files of a folder from 0001 again.

    Raises:
        WriteError: If the folder of the file does not exist.
        UsageError: If the plugin does not write a format, the format does not hold several pieces, or a file would be
            lost.
    """

    def __init__(
        self,
        plugin: AnyPlugin,
        path: str | None,
        n: int,
        *,
        formats: Sequence[str] = (),
        inputs: Iterable[Path] = (),
        replace: bool = False,
        overwrite: bool = False,
    ) -> None:
        from seqforge.api.output import OutputFiles, check_format

        self.plugin, self.stdout = plugin, path == STDOUT
        self.pieces: list[Piece[Any]] = []
        self.files: OutputFiles | None = None
        if path is None and formats:
            raise RequestError("`format` is set without `output`; set -o FILE or -o DIR/", field="format")
        if self.stdout:
            if len(formats) > 1:
                raise RequestError(f"standard output has one format, and `format` has {len(formats)}", field="format")
            self.suffix = formats[0] if formats else plugin.writes[0]
            check_format(plugin, self.suffix, n)
        elif path is not None:
            self.files = OutputFiles(
                plugin, path, n=n, formats=formats, inputs=inputs, replace=replace, overwrite=overwrite
            )

    @cached_property
    def is_plain(self) -> bool:
        """Whether a file of the plugin is the content of its piece, so that stdout receives pieces as they grow."""
        from seqforge.api.text import is_plain_text

        return is_plain_text(self.plugin)

    @property
    def file_count(self) -> int:
        """The number of files that are written."""
        return len(self.files.entries) if self.files is not None else 0

    def paths(self, first: int = 0) -> list[Path]:
        """Return the paths of the files that are written, without the first ones."""
        return self.files.paths(first) if self.files is not None else []

    @property
    def folder(self) -> Path | None:
        """The folder in which files are written; None for stdout."""
        if self.files is None:
            return None
        return self.files.path if self.files.is_folder else self.files.path.parent

    def add(self, piece: Piece[Any], *, streamed: bool, show: bool) -> dict[str, Any]:
        """Take the next piece and return its entry of the JSON report.

        Args:
            piece: The piece.
            streamed: Whether its text has been shown already.
            show: Whether pieces are shown on stdout if there is no `-o`.
        """
        labels = dict(piece.labels)
        if self.stdout:
            self.pieces.append(piece)
            return {"labels": labels}
        if self.files is not None:
            paths = [str(path) for path in self.files.add(piece)]
            several = {"paths": paths} if len(paths) > 1 else {}
            return {**({"path": paths[0]} if paths else {}), **several, "labels": labels}
        text = piece.content if isinstance(piece.content, str) else None
        if streamed:
            sys.stdout.write("" if text is None or text.endswith("\n") else "\n")
        elif show and text is not None and self.is_plain:
            sys.stdout.write(text if text.endswith("\n") else text + "\n")
        elif show:
            self.pieces.append(piece)
        return {"text": text, "labels": labels}

    def finish(self, generation: "Generation") -> dict[str, Any]:
        """Write the pieces that belong into one file, and the provenance; return the entry of the JSON report."""
        if self.stdout:
            self._write_stdout()
            return {"path": STDOUT}
        if self.files is None:
            self._show()
            return {}
        self.files.finish(generation)
        paths = [str(path) for path in self.files.paths()]
        if self.files.is_folder or len(paths) == 1:
            return {"path": str(self.files.path) if self.files.is_folder else paths[0]}
        return {"path": paths[0], "paths": paths}

    def save_record(self, generation: "Generation") -> None:
        """Write the provenance of the files that are complete, after an interruption or an error."""
        if self.files is not None:
            self.files.save_record(generation)

    def _write_stdout(self) -> None:
        """Write a file of the plugin's first format to stdout, byte by byte as `-o FILE` would, without provenance."""
        from seqforge.api.text import file_bytes

        content = file_bytes(self.plugin, self.pieces, self.suffix)
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()

    def _show(self) -> None:
        """Show pieces whose content is not text, if a file of theirs is text."""
        from seqforge.api.text import text_of

        together = self.plugin.writes[0] in self.plugin.multi_piece
        for group in [self.pieces] if together and self.pieces else [[piece] for piece in self.pieces]:
            text = text_of(self.plugin, group)
            if text is None:
                formats = listing(self.plugin.writes)
                raise RequestError(f"no output is named; set -o FILE ({formats}) or -o DIR/", field="output")
            sys.stdout.write(text if text.endswith("\n") else text + "\n")


def report_entry(generated: "Generated", written: dict[str, Any], *, alternatives: bool) -> dict[str, Any]:
    """Return the entry of a piece in the JSON report.

    Args:
        generated: The piece.
        written: What `Output.add` returned for it.
        alternatives: Whether it contains the most probable tokens at each step.
    """
    return {
        "k": generated.k,
        "ended": generated.ended,
        "masked": generated.masked,
        "log_probability": generated.log_probability,
        "log_probabilities": list(generated.scores),
        **({"alternatives": generated.alternatives} if alternatives else {}),
        **written,
    }

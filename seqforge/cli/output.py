"""Where generated pieces are written: to stdout, to one file, or to a folder with one file per piece."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqforge.core.files import make_folder, replacing
from seqforge.core.sequences import Prompt
from seqforge.errors import RequestError, WriteError, listing
from seqforge.plugin import AnyPlugin, Piece
from seqforge.plugin.validation import write_pieces

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


class Output:
    """The destination of generated pieces.

    Args:
        plugin: The plugin that writes the pieces.
        path: The value of `-o`: a file, a folder, "-" for stdout; None for stdout, for people.
        n: The number of pieces.

    Attributes:
        files: Each written file with the numbers of its pieces.

    Raises:
        WriteError: If the folder of the file does not exist.
        RequestError: If the plugin does not write the format, or the format does not hold several pieces.
    """

    def __init__(self, plugin: AnyPlugin, path: str | None, n: int) -> None:
        self.plugin = plugin
        self.stdout = path == STDOUT
        self.path = None if path is None or self.stdout else Path(path)
        self.pieces: list[Piece[Any]] = []
        self.count = 0
        self.files: list[tuple[Path, list[int]]] = []
        self.is_folder = self.path is not None and (
            self.path.is_dir() or self.path.suffix == "" or str(path).endswith(("/", "\\"))
        )
        if self.stdout:
            self._check_format(plugin.writes[0], n)
        if self.path is None or self.is_folder:
            return
        if not self.path.parent.is_dir():
            raise WriteError(f"cannot write {self.path}: there is no folder {self.path.parent}; create it first")
        self._check_format(self.path.suffix.lower(), n)

    def _check_format(self, suffix: str, n: int) -> None:
        plugin = self.plugin
        if suffix not in plugin.writes:
            raise RequestError(
                f"{plugin.name} does not write {suffix} files; it writes {listing(plugin.writes)}",
                field="output", value=suffix, allowed=listing(plugin.writes),
            )  # fmt: skip
        if n > 1 and suffix not in plugin.multi_piece:
            formats = f", or a file that holds several: {listing(plugin.multi_piece)}" if plugin.multi_piece else ""
            raise RequestError(
                f"a {suffix} file holds one piece and `n` is {n}; name a folder (-o DIR/){formats}", field="n", value=n
            )

    def add(self, piece: Piece[Any], *, streamed: bool, show: bool) -> dict[str, Any]:
        """Take the next piece and return its entry of the JSON report.

        Args:
            piece: The piece.
            streamed: Whether its text has been shown already.
            show: Whether pieces are shown on stdout if there is no `-o`.
        """
        self.count += 1
        labels = dict(piece.labels)
        if self.stdout:
            self.pieces.append(piece)
            return {"labels": labels}
        if self.path is None:
            text = piece.content if isinstance(piece.content, str) else None
            if streamed:
                sys.stdout.write("" if text is None or text.endswith("\n") else "\n")
            elif show and text is not None:
                sys.stdout.write(text if text.endswith("\n") else text + "\n")
            elif show:
                self.pieces.append(piece)
            return {"text": text, "labels": labels}
        if not self.is_folder:
            self.pieces.append(piece)
            return {"labels": labels}
        path = make_folder(self.path) / f"{self.count:04d}{self.plugin.writes[0]}"
        with replacing(path) as temporary:
            write_pieces(self.plugin, [piece], temporary)
        self.files.append((path, [self.count - 1]))
        return {"path": str(path), "labels": labels}

    def finish(self) -> dict[str, Any]:
        """Write the pieces that belong into one file and return its entry of the JSON report."""
        if self.stdout:
            self._write_stdout()
            return {"path": STDOUT}
        if self.path is None:
            self._show()
            return {}
        if not self.is_folder:
            with replacing(self.path) as temporary:
                write_pieces(self.plugin, self.pieces, temporary)
            self.files.append((self.path, list(range(self.count))))
        return {"path": str(self.path)}

    def _write_stdout(self) -> None:
        """Write a file of the plugin's first format to stdout, byte by byte as `-o FILE` would."""
        from seqforge.api.text import file_bytes

        content = file_bytes(self.plugin, self.pieces, self.plugin.writes[0])
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
            sys.stdout.write(text)

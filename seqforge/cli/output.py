"""Where generated pieces go: stdout, as they grow or when they are whole; one file; a folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqforge.plugin.validation import validate_prompts, write_pieces
from seqforge.errors import RequestError, WriteError, listing
from seqforge.core.files import make_folder, replacing
from seqforge.plugin import Piece, Plugin

if TYPE_CHECKING:
    from seqforge.api import Model


class Stream:
    """Shows a piece on stdout while it grows: its prompt with the first step that is drawn."""

    def __init__(self, model: "Model", request: dict[str, Any], streamer: Callable[[Any], str]) -> None:
        self._streamer = streamer
        asked = model.plugin.Request(**request)
        prompts = validate_prompts(model.plugin, model.codec, asked)
        self._prompt = [step for prompt in prompts for step in prompt.example.steps[: prompt.keep]]

    def __call__(self, step: Any) -> None:
        self.show_prompt()
        sys.stdout.write(self._streamer(step))
        sys.stdout.flush()

    def show_prompt(self) -> None:
        """Show the prompt, if it has not been shown."""
        for each in self._prompt:
            sys.stdout.write(self._streamer(each))
        self._prompt = []


class Target:
    """Where pieces go: stdout, one file, or a folder with a file for each."""

    def __init__(self, plugin: Plugin, wanted: str | None, n: int) -> None:
        self.plugin = plugin
        output = None if wanted is None else Path(wanted)
        self.output = output
        self.pieces: list[Piece] = []
        self.count = 0
        self.files: list[tuple[Path, list[int]]] = []
        self.folder = output is not None and (
            output.is_dir() or output.suffix == "" or str(wanted).endswith(("/", "\\"))
        )
        if output is None or self.folder:
            return
        if not output.parent.is_dir():
            raise WriteError(f"cannot write {output}: there is no folder {output.parent}; create it first")
        suffix = output.suffix.lower()
        if suffix not in plugin.writes:
            raise RequestError(f"{plugin.name} writes no {suffix} files; it writes {listing(plugin.writes)}")
        if n > 1 and suffix not in plugin.books:
            books = f", or a file that holds several: {listing(plugin.books)}" if plugin.books else ""
            raise RequestError(f"a {suffix} file holds one piece and -n is {n}; give a folder (-o DIR/){books}")

    def take(self, piece: Piece, *, streamed: bool, show: bool) -> dict[str, Any]:
        """Take the next piece; return what to tell about it."""
        self.count += 1
        if self.output is None:
            text = piece.content if isinstance(piece.content, str) else None
            if streamed:
                sys.stdout.write("" if text is None or text.endswith("\n") else "\n")
            elif show and text is not None:
                sys.stdout.write(text if text.endswith("\n") else text + "\n")
            elif show:
                self.pieces.append(piece)
            return {"text": text, "labels": dict(piece.labels)}
        if not self.folder:
            self.pieces.append(piece)
            return {"labels": dict(piece.labels)}
        path = make_folder(self.output) / f"{self.count:04d}{self.plugin.writes[0]}"
        with replacing(path) as temporary:
            write_pieces(self.plugin, [piece], temporary)
        self.files.append((path, [self.count - 1]))
        return {"path": str(path), "labels": dict(piece.labels)}

    def finish(self) -> dict[str, Any]:
        """Write what is to be written at once; return what to tell about it."""
        if self.output is None:
            self._print()
            return {}
        if not self.folder:
            with replacing(self.output) as temporary:
                write_pieces(self.plugin, self.pieces, temporary)
            self.files.append((self.output, list(range(self.count))))
        return {"path": str(self.output)}

    def _print(self) -> None:
        """Put pieces whose content is no text on stdout, where a file of theirs would be text."""
        from seqforge.api import text_of

        together = self.plugin.writes[0] in self.plugin.books
        for group in [self.pieces] if together and self.pieces else [[piece] for piece in self.pieces]:
            text = text_of(self.plugin, group)
            if text is None:
                raise RequestError(f"where to? Give -o FILE ({listing(self.plugin.writes)}) or -o DIR/")
            sys.stdout.write(text)

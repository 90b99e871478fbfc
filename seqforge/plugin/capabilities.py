"""Capabilities: optional abilities of a plugin or codec, one class each. The core finds them with `isinstance`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic

import numpy as np

from seqforge.core.places import Places
from seqforge.core.sequences import Example
from seqforge.errors import ReadError
from seqforge.plugin import embedding
from seqforge.plugin.piece import ContentT, Piece
from seqforge.plugin.preview import Preview

__all__ = [
    "Aligns",
    "Augments",
    "CarriesProvenance",
    "Checks",
    "Describes",
    "Divides",
    "Edits",
    "Fingerprints",
    "FromText",
    "Illustrates",
    "LaysOut",
    "Loops",
    "Paginates",
    "Prepares",
    "Previews",
    "Streams",
]


class Aligns(ABC):
    """Capability of a codec of symbols: it names the place of each step, so that the network can look back.

    The network then reads the steps at the same offset one, two, four and eight periods before, such as the same
    position in earlier bars. Repetition becomes easy to learn, and the network still decides whether to repeat.

    Example:
        class BarPlaces(Places):  # step 0 is a bar line
            def start(self): return (0, 0)
            def place(self, state): return state
            def advance(self, state, step): return (state[0] + 1, 0) if step == 0 else (state[0], state[1] + 1)

        class MelodyCodec(TokenCodec[str, NoOptions, NoRequest], Aligns):
            def places(self):
                return BarPlaces()
    """

    @abstractmethod
    def places(self) -> Places | None:
        """Return the automaton that names the places; None if these options of the codec have none."""


class Augments(ABC):
    """Capability of a codec: data augmentation by a change that keeps a piece valid, such as a transposition.

    Example:
        class MelodyCodec(TokenCodec[str, NoOptions, NoRequest], Augments):
            def augment(self, example, rng):
                return dataclasses.replace(example, steps=transpose(example.steps, int(rng.integers(-6, 6))))
    """

    @abstractmethod
    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return a variant with the same number of steps.

        It is called for training pieces only.

        Args:
            example: The encoded piece.
            rng: The only source of randomness; it is seeded by run, epoch and piece.
        """


class Divides(ABC, Generic[ContentT]):
    """Capability of a plugin: a corpus of one long piece, such as a novel, can be split by fractions of it.

    Example:
        class Novels(Plugin[str, NoOptions, NoRequest], Divides[str]):
            def divide(self, piece, fractions):
                edges = [round(len(piece.content) * share) for share in itertools.accumulate(fractions, initial=0.0)]
                return [Piece(piece.content[first:end]) for first, end in itertools.pairwise(edges)]
    """

    @abstractmethod
    def divide(self, piece: Piece[ContentT], fractions: Sequence[float]) -> list[Piece[ContentT]]:
        """Return consecutive parts of the piece, one per fraction; the fractions sum to 1. A part may be empty."""


class Fingerprints(ABC, Generic[ContentT]):
    """Capability of a plugin: near duplicates are kept in the same split.

    Example:
        class Games(Plugin[str, NoOptions, NoRequest], Fingerprints[str]):
            def fingerprints(self, piece):  # games with the same first twenty moves share a split
                return [zlib.crc32(" ".join(piece.content.split()[:20]).encode())]
    """

    @abstractmethod
    def fingerprints(self, piece: Piece[ContentT]) -> Iterable[int]:
        """Return 64-bit keys; two pieces with a common key belong to the same split."""


class FromText(ABC, Generic[ContentT]):
    """Capability of a plugin: a piece is made from a text, so that it can train on a column of a table.

    `seqforge train --corpus data.csv --text-column NAME` makes one piece from each cell of the column.
    """

    @abstractmethod
    def piece_from_text(self, text: str, options: Any) -> Piece[ContentT] | ReadError:
        """Return the piece that a text describes, or a ReadError with the reason why it describes none.

        The core adds the labels of the row, and the file and line of the row to the origin or the error.

        Args:
            text: The text, such as the content of a cell; it is not empty.
            options: The plugin's Options.
        """


class Describes(ABC, Generic[ContentT]):
    """Capability of a plugin: statistics of its pieces, by which generated and real pieces are compared.

    Example:
        class Melodies(Plugin[list[int], NoOptions, NoRequest], Describes[list[int]]):
            def describe(self, piece):
                return {"pitch": np.array(piece.content), "length": np.array([len(piece.content)])}

            def trace(self, piece):
                return np.diff(piece.content).tolist()
    """

    @abstractmethod
    def describe(self, piece: Piece[ContentT]) -> Mapping[str, np.ndarray]:
        """Return named quantities, each with one entry per occurrence: integers, shape (occurrences,)."""

    @abstractmethod
    def trace(self, piece: Piece[ContentT]) -> Sequence[int]:
        """Return the sequence by which copying is judged: a long common run means that it was copied.

        For instance the intervals of a melody, which are the same in every key.
        """

    def measure(self, pieces: Sequence[Piece[ContentT]]) -> Mapping[str, float]:
        """Return figures of a collection of pieces by name, with the unit in the name; none by default.

        For instance {"last note on the tonic, per cent": 77.0}. A figure that the pieces do not have is NaN.
        """
        return {}

    def similarity(self, piece: Piece[ContentT]) -> np.ndarray | None:
        """Return how similar the parts of a piece are to each other, such as its bars; None by default.

        The shape is (parts, parts), and 1 means equal.
        """
        return None


class Checks(ABC, Generic[ContentT]):
    """Capability of a plugin: it knows the rules of its domain.

    A constraint must allow every real piece that has no violation; the conformance kit compares both.

    Example:
        class Melodies(Plugin[list[int], NoOptions, NoRequest], Checks[list[int]]):
            def violations(self, piece):
                return [f"pitch {pitch} is above 127" for pitch in piece.content if pitch > 127]
    """

    @abstractmethod
    def violations(self, piece: Piece[ContentT]) -> Sequence[str]:
        """Return the violations of the domain's rules in a piece, one sentence each; empty if it is valid."""


class CarriesProvenance(ABC):
    """Capability of a plugin: files of some formats carry the record of their generation, so no second file is needed.

    The record is one line of ASCII. The two methods follow one law: `extract(embed(data, record, suffix), suffix)` is
    `(record, data)`. A file with a record must read back as the same piece. The methods of this class implement .svg
    (a metadata element), .mid, .midi and .smf (a text event) and .png (a text chunk); override both for other formats.

        class Chess(Plugin[str, ChessOptions, ChessRequest], CarriesProvenance):
            provenance_suffixes = (".svg",)

    Attributes:
        provenance_suffixes: The suffixes of `writes` whose files carry a record.
    """

    provenance_suffixes: ClassVar[tuple[str, ...]]

    def embed(self, data: bytes, record: str, suffix: str) -> bytes:
        """Return the content of a file with a record in it.

        Args:
            data: The content of the file as `write` wrote it.
            record: The record.
            suffix: The suffix of the format, one of `provenance_suffixes`.
        """
        return _EMBED[suffix](data, record)

    def extract(self, data: bytes, suffix: str) -> tuple[str, bytes] | None:
        """Return the record of a file, and the content of the file without it; None if the file has no record.

        Args:
            data: The content of any file with this suffix.
            suffix: The suffix of the format, one of `provenance_suffixes`.
        """
        return _EXTRACT[suffix](data)


_MIDI_SUFFIXES = (".mid", ".midi", ".smf")
_EMBED = {
    ".svg": embedding.embed_svg,
    ".png": embedding.embed_png,
    **dict.fromkeys(_MIDI_SUFFIXES, embedding.embed_midi),
}
_EXTRACT = {
    ".svg": embedding.extract_svg,
    ".png": embedding.extract_png,
    **dict.fromkeys(_MIDI_SUFFIXES, embedding.extract_midi),
}


class Streams(ABC):
    """Capability of a codec: a generated piece can be shown as text while it grows.

    Example:
        class WordCodec(TokenCodec[str, NoOptions, NoRequest], Streams):
            def stream(self):
                return lambda step: self.vocabulary[int(step)] + " "
    """

    @abstractmethod
    def stream(self) -> Callable[[Any], str]:
        """Return a function that takes one step after the other and returns the text that each adds."""


class Illustrates(ABC, Generic[ContentT]):
    """Capability of a codec: the choices that a model offers can be drawn, such as its handwriting styles.

    Example:
        class InkCodec(Codec[Ink, NoOptions, NoRequest], Illustrates[Ink]):
            def illustration(self):
                return Piece(sheet_of(self.writers))
    """

    @abstractmethod
    def illustration(self) -> Piece[ContentT]:
        """Return a piece that shows the choices; the plugin writes it for `seqforge plugins show NAME -o FILE`."""


class LaysOut(ABC, Generic[ContentT]):
    """Capability of a plugin: options of written files, such as the title of a score, that are no part of the music.

    Example:
        @dataclass(frozen=True)
        class Layout:
            title: str = flag("", help="Title of the page.")

        class Poems(Plugin[Poem, NoOptions, NoRequest], LaysOut[Poem]):
            Layout = Layout

            def lay_out(self, piece, layout):
                return Piece(replace(piece.content, title=layout.title), piece.labels, piece.origin)

    Attributes:
        Layout: Frozen dataclass of the options. Its fields become flags of `convert`.
    """

    Layout: ClassVar[type]

    @abstractmethod
    def lay_out(self, piece: Piece[ContentT], layout: Any) -> Piece[ContentT]:
        """Return a piece that `write` writes as the options say.

        Args:
            piece: The piece; it is not changed.
            layout: The options, an instance of `Layout`.
        """


class Loops(ABC, Generic[ContentT]):
    """Capability of a plugin: it writes sound that is exactly as long as the music and repeats without a gap."""

    @abstractmethod
    def write_loop(self, piece: Piece[ContentT], path: Path) -> None:
        """Write a .wav file of the piece's exact length; what sounds after its end is mixed into its beginning."""


class Paginates(ABC, Generic[ContentT]):
    """Capability of a plugin: in some formats, each page of a piece is a file of its own.

    `seqforge generate -o letter.svg` then writes a piece of two pages as letter-1.svg and letter-2.svg, each by one
    call of `write`. A piece of one page is written as letter.svg. A file of several pieces is not divided.

    Example:
        class Letters(Plugin[Letter, NoOptions, NoRequest], Paginates[Letter]):
            writes = (".svg", ".pdf")
            page_suffixes = (".svg",)

            def pages(self, piece):
                return [Piece(Letter([page]), piece.labels) for page in piece.content.pages]

    Attributes:
        page_suffixes: The suffixes of `writes` whose files hold one page.
    """

    page_suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def pages(self, piece: Piece[ContentT]) -> Sequence[Piece[ContentT]]:
        """Return the pages of a piece in order, at least one; each is a piece of one page."""


class Prepares(ABC):
    """Capability of a plugin: what writing a format needs can start while the network still draws.

    Example:
        class Chess(Plugin[str, ChessOptions, ChessRequest], Prepares):
            def prepare_write(self, suffix):
                if suffix == ".svg":
                    engraver.start()  # a ChildProcess
    """

    @abstractmethod
    def prepare_write(self, suffix: str) -> None:
        """Start what `write` will need for a format, such as a process; return at once.

        `write` may follow or not.

        Args:
            suffix: One of `writes`, in lower case.
        """


class Previews(ABC, Generic[ContentT]):
    """Capability of a plugin: a piece can be shown as a picture, sound or text, for example in a notebook."""

    @abstractmethod
    def preview(self, piece: Piece[ContentT]) -> Preview:
        """Return the preview of a piece. `Preview.from_files` builds it from files that the plugin writes."""

    def sketch(self, piece: Piece[ContentT]) -> Preview:
        """Return a preview that takes little time, for a piece that grows; by default an empty one.

        The studio calls it several times per second with the steps so far.
        """
        return Preview()


class Edits(ABC, Generic[ContentT]):
    """Capability of a plugin: a new piece can follow from another one, such as a tune with four bars rewritten.

    The plugin's Request already names the file to edit; this capability says which fields do. The studio writes the
    piece to a file, and generates with the fields that `edit` returns. The command line has the same fields.

    Example:
        class Poems(Plugin[str, NoOptions, PoemRequest], Edits[str]):
            edits = ("continue", "rewrite")
            edit_suffix = ".txt"

            def edit(self, kind, path, numbers):
                if kind == "continue":
                    return {"prompt_file": path}
                return {"rewrite": f"{path}:{','.join(map(str, numbers))}"}

    Attributes:
        edits: The kinds of edits, some of EDIT_KINDS: "continue" adds to the end, "vary" changes some parts that the
            plugin chooses, "rewrite" changes the regions that the user chooses.
        edit_suffix: The format of the file, one of `writes`.
    """

    edits: ClassVar[tuple[str, ...]]
    edit_suffix: ClassVar[str]

    @abstractmethod
    def edit(self, kind: str, path: str, numbers: Sequence[int]) -> Mapping[str, Any]:
        """Return the fields of the plugin's Request that ask for an edit.

        Args:
            kind: The kind, one of `edits`.
            path: The path of the file that contains the piece.
            numbers: The numbers of the regions to rewrite, ascending; empty for other kinds.

        Raises:
            RequestError: If the regions cannot be rewritten.
        """


EDIT_KINDS = ("continue", "vary", "rewrite")
"""The kinds of edits that a plugin may offer."""

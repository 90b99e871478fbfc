"""The plugin: one domain with its files, options and codec."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeAlias

from seqforge.core.options import NoOptions, NoRequest
from seqforge.errors import ReadError
from seqforge.plugin.codec import Codec, OptionsT, RequestT
from seqforge.plugin.entry_points import distribution_of
from seqforge.plugin.piece import ContentT, Piece

__all__ = ["API", "AnyPlugin", "Plugin"]

API = 2
"""The version of the contract."""


class Plugin(ABC, Generic[ContentT, OptionsT, RequestT]):
    """One domain: it reads files into pieces and writes pieces to files.

    A subclass takes no arguments to construct, and names the types of content, options and request:

        class Chess(Plugin[str, ChessOptions, ChessRequest]):
            name = "chess"
            summary = "games of chess in PGN"
            unit = "move"
            reads = writes = multi_piece = (".pgn",)
            Options = ChessOptions
            Request = ChessRequest
            codec = ChessCodec

            def read(self, path, options):
                yield Piece(path.read_text())

            def write(self, pieces, path):
                path.write_text("".join(piece.content for piece in pieces))

    Attributes:
        api: The version of the contract that the plugin was written for.
        name: The name in `--plugin NAME`, equal to the entry point's name.
        summary: One line for `seqforge plugins show`.
        unit: The natural unit of the domain, singular ("character"); losses are reported per unit.
        reads: Suffixes of the files it reads (".txt"); empty for any file.
        imports: Suffixes of other files from which `read` makes pieces if a file is named: to convert it, or as a
            corpus. Folders are searched for `reads` only. `write` need not write them such that they read back equal.
        folder_imports: Those suffixes of `imports` for which folders are searched, too. A file is left out if a file
            with a suffix of `reads` stands beside it with the same name.
        writes: Suffixes of the files it writes, the default first.
        multi_piece: Those suffixes of `writes` whose files hold several pieces.
        Options: Frozen dataclass of how files are read and encoded, NoOptions by default. Its fields become flags of
            `train`.
        Request: Frozen dataclass of what can be asked for, NoRequest by default. Its fields become flags of `generate`.
        codec: The class of the codec.
        native: Whether `read` uses a native library, whose faults can end the process. Files are then read in a child
            process first, and a file on which it crashes or hangs is skipped. Set it to False if `read` is pure
            Python.
        default_model: The name of the shipped model that is used if none is named.
        training_defaults: Defaults of the core's training flags that suit the domain, by name: {"minutes": 5}.
        sampling_defaults: Defaults of the sampling controls (`seqforge.sampling.Controls`): {"temperature": 0.9}.
    """

    api: ClassVar[int] = API
    name: ClassVar[str]
    summary: ClassVar[str] = ""
    unit: ClassVar[str] = "step"
    reads: ClassVar[tuple[str, ...]] = ()
    imports: ClassVar[tuple[str, ...]] = ()
    folder_imports: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]]
    multi_piece: ClassVar[tuple[str, ...]] = ()
    Options: type[OptionsT] = NoOptions  # type: ignore[assignment]
    Request: type[RequestT] = NoRequest  # type: ignore[assignment]
    codec: type[Codec[ContentT, OptionsT, RequestT]]
    native: ClassVar[bool] = True
    default_model: ClassVar[str] = "default"
    training_defaults: ClassVar[Mapping[str, Any]] = {}
    sampling_defaults: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def read(self, path: Path, options: OptionsT) -> Iterator[Piece[ContentT] | ReadError]:
        """Yield the pieces of one file; yield a ReadError for what cannot be read, and continue."""

    @abstractmethod
    def write(self, pieces: Sequence[Piece[ContentT]], path: Path) -> None:
        """Write pieces to a file in the format of its suffix. The core renames the file into place."""

    @classmethod
    def distribution(cls) -> str:
        """Return the name of the distribution that announces the plugin, or else the name of its package."""
        return distribution_of(cls.__module__.partition(".")[0])


AnyPlugin: TypeAlias = Plugin[Any, Any, Any]
"""A plugin of any domain, as the core sees it."""

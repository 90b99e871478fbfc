"""Files into pieces: the plugin reads, labels are added, and what cannot be read becomes a ReadError."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from seqforge.corpus.source_file import SourceFile
from seqforge.corpus.tables import read_table_pieces
from seqforge.dataset import SPLITS
from seqforge.errors import ContractError, ReadError
from seqforge.plugin import AnyPlugin, Divides, Fingerprints, Piece
from seqforge.plugin.validation import validate_fingerprints, validate_items, validate_parts

UNDECIDED = len(SPLITS)
"""The split of a piece whose split is decided by its content."""


class ReadPiece(NamedTuple):
    """A piece that was read from a file.

    Attributes:
        piece: The piece, or a part of one that is divided.
        split: The index of its split, or UNDECIDED.
        number: The number of the piece in its file, from 0; the parts of a piece have the same number.
    """

    piece: Piece[Any]
    split: int
    number: int


def read_pieces(
    plugin: AnyPlugin, options: Any, file: SourceFile, *, divide: Sequence[float] = ()
) -> Iterator[ReadPiece | ReadError]:
    """Yield the pieces of one file with their split, and a ReadError for what cannot be read.

    Example:
        for item in read_pieces(plugin, plugin.Options(), SourceFile(Path("tunes.abc"))):
            print(item if isinstance(item, ReadError) else item[0].content)

    Args:
        plugin: The plugin that reads the file.
        options: The plugin's options.
        file: The file with its labels and its split or fractions.
        divide: Shares of train, valid and test by which every piece is divided, if the plugin can divide and the file
            has no split or fractions; () for none.

    Yields:
        A piece with its split and its number; or a ReadError.

    Raises:
        ContractError: If the plugin yields something else.
    """
    fractions: Sequence[float] = file.fractions or (() if file.split else divide)
    split = SPLITS.index(file.split) if file.split else UNDECIDED
    count = 0
    try:
        items = validate_items(plugin, file.path, options)
        if file.columns is not None:
            items = read_table_pieces(plugin, options, file.path, file.columns, file.rows)
        for item in items:
            if isinstance(item, ReadError):
                yield item
                continue
            labels = {**file.labels, **item.labels}
            texts = {name: _valid_text(value) for name, value in labels.items()}
            piece = Piece(item.content, texts, item.origin, features=item.features)
            if fractions and isinstance(plugin, Divides):
                parts = validate_parts(plugin, plugin.divide(piece, fractions), fractions)
                for part_split, part in enumerate(parts):
                    if fractions[part_split]:
                        yield ReadPiece(replace(part, features=piece.features), part_split, count)
            else:
                yield ReadPiece(piece, split, count)
            count += 1
    except ContractError:
        raise
    except OSError as error:
        yield ReadError(f"cannot be read ({error.strerror or error})", file=str(file.path))
    except Exception as error:  # a parser fails on a file that its author did not expect: read the others
        message = f"{type(error).__name__}: {error}"
        yield ReadError(f"the plugin {plugin.name!r} fails on it ({message})", file=str(file.path))


def _valid_text(text: str) -> str:
    r"""Return a text that is valid Unicode: a byte of a file name that is not UTF-8 becomes an escape like `\udce9`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def fingerprints_of(plugin: AnyPlugin, piece: Piece[Any]) -> list[int]:
    """Return the fingerprints by which a piece is grouped with near duplicates; at least one."""
    if isinstance(plugin, Fingerprints):
        fingerprints = validate_fingerprints(plugin, plugin.fingerprints(piece))
        if fingerprints:
            return fingerprints
    digest = hashlib.blake2b(repr(piece.content).encode("utf-8", "surrogatepass"), digest_size=8)
    return [int.from_bytes(digest.digest(), "little")]

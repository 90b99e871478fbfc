"""Files into pieces: the plugin reads, labels are added, what cannot be read becomes a ReadError."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from seqforge.plugin.validation import validate_items, validate_fingerprints, validate_parts
from seqforge.corpus.sources import SourceFile
from seqforge.corpus.split import SHARES
from seqforge.dataset import SIDES
from seqforge.errors import ContractError, ReadError
from seqforge.plugin import Divides, Fingerprints, Piece, Plugin

UNDECIDED = len(SIDES)
"""The side of a piece whose side is decided by its content."""


def read_pieces(
    plugin: Plugin, options: Any, file: SourceFile, *, divide: bool = False
) -> Iterator[tuple[Piece, int] | ReadError]:
    """Yield the pieces of one file with their side, or UNDECIDED; and a ReadError for what cannot be read.

    Args:
        plugin: reads the file.
        options: of the plugin.
        file: the file, its labels, its side or fractions.
        divide: divide every piece by the usual shares, where the plugin can and the file has no side.

    Raises:
        ContractError: the plugin yields what is no piece.
    """
    fractions: Sequence[float] = file.fractions or (SHARES if divide and not file.side else ())
    side = SIDES.index(file.side) if file.side else UNDECIDED
    try:
        for piece in validate_items(plugin, file.path, options):
            if isinstance(piece, ReadError):
                yield piece
                continue
            whole = Piece(piece.content, {**file.labels, **piece.labels}, piece.origin)
            if fractions and isinstance(plugin, Divides):
                for number, part in enumerate(validate_parts(plugin, plugin.divide(whole, fractions), fractions)):
                    if fractions[number]:
                        yield part, number
            else:
                yield whole, side
    except ContractError:
        raise
    except OSError as error:
        yield ReadError(f"cannot be read ({error.strerror or error})", file=str(file.path))
    except Exception as error:  # a parser meets a file its author never thought of: the others are still read
        told = f"{type(error).__name__}: {error}"
        yield ReadError(f"the plugin {plugin.name!r} fails on it ({told})", file=str(file.path))


def keys_of(plugin: Plugin, piece: Piece) -> list[int]:
    """Return the keys by which a piece is grouped with near duplicates; at least one."""
    if isinstance(plugin, Fingerprints):
        keys = validate_fingerprints(plugin, plugin.fingerprints(piece))
        if keys:
            return keys
    digest = hashlib.blake2b(repr(piece.content).encode("utf-8", "surrogatepass"), digest_size=8)
    return [int.from_bytes(digest.digest(), "little")]

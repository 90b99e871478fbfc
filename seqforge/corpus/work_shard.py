"""One corpus prepared by many processes or machines, which share a folder: parts of the work, and their merge."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqforge.core.files import write_text
from seqforge.corpus.pool import ReaderCrashError
from seqforge.corpus.preparation import Preparation
from seqforge.corpus.worker import shards_path
from seqforge.errors import CorpusError, OptionsError, listing

__all__ = ["WorkShard", "merge_shards", "prepare_shard"]

MAX_SHARDS = 1_000_000


@dataclass(frozen=True)
class WorkShard:
    """One of several equal parts of the work of a preparation.

    >>> WorkShard.parse("2/3").chunks(7)
    range(1, 7, 3)

    Attributes:
        number: The number of the part, from 1.
        count: The number of parts.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "WorkShard":
        """Return the part that a text such as "3/16" names.

        Raises:
            OptionsError: If the text has another form.
        """
        number, slash, count = text.partition("/")
        is_pair = slash and all(part.isascii() and part.isdecimal() and len(part) < 8 for part in (number, count))
        if not is_pair or not 1 <= int(number) <= int(count) <= MAX_SHARDS:
            raise OptionsError.invalid("shard", text, "a number and a count, such as 3/16, with 1 <= number <= count")
        return cls(int(number), int(count))

    def chunks(self, total: int) -> Sequence[int]:
        """Return the numbers of the chunks of this part, from 0."""
        return range(self.number - 1, total, self.count)


def prepare_shard(preparation: Preparation, shard: WorkShard) -> bool:
    """Do one part of the work: read its files, or encode them once the codec is fitted.

    Chunks that are finished are not done again, so a part that was killed is run again with the same call.

    Args:
        preparation: The preparation; the same one for all parts.
        shard: The part.

    Returns:
        Whether the files are encoded; False if they are read.

    Raises:
        CorpusError: If a reader crashes on a file that could be read before.
        ContractError: If the plugin breaks the contract.
        WriteError: If the folder cannot be written.
    """
    if preparation.is_finished:
        return True
    chunks = shard.chunks(len(preparation.chunks))
    if _count(preparation.folder) != shard.count:
        write_text(shards_path(preparation.folder), json.dumps({"count": shard.count}))
    if not preparation.is_fitted:
        preparation.read(chunks)
        return False
    try:
        preparation.encode(chunks)
    except ReaderCrashError as error:
        raise CorpusError(
            f"{error}; it could be read before, so remove the file from the corpus, or prepare the corpus without"
            " shards, which leaves the file out"
        ) from error
    return True


def merge_shards(preparation: Preparation) -> bool:
    """Do the next step that needs all parts: fit the codec, or complete the prepared corpus.

    A call without anything to do changes nothing.

    Args:
        preparation: The preparation.

    Returns:
        Whether the corpus is complete; False if the codec is fitted, and the parts can encode their files now.

    Raises:
        CorpusError: If some files are not read or encoded yet; the message names the shards.
        ContractError: If the plugin breaks the contract.
        WriteError: If the folder cannot be written.
    """
    if preparation.is_finished:
        return True
    chunks = range(len(preparation.chunks))
    if not preparation.is_fitted:
        _check_none(preparation, preparation.unread(chunks), "read")
        preparation.fit()
        return False
    _check_none(preparation, preparation.unencoded(chunks), "encoded")
    preparation.finish()
    return True


def _check_none(preparation: Preparation, chunks: Sequence[int], verb: str) -> None:
    """Check that no chunk is missing.

    Raises:
        CorpusError: If some are; the message names their shards.
    """
    if not chunks:
        return
    count = _count(preparation.folder)
    if not count:
        raise CorpusError(f"no shard of this corpus has been {verb} yet; run all of them first, for example shard 1/16")
    shards = sorted({chunk % count + 1 for chunk in chunks})
    names = listing([f"{number}/{count}" for number in shards], most=8)
    what = "shard" if len(shards) == 1 else "shards"
    raise CorpusError(f"the files of {what} {names} are not all {verb}; run {what} {names} again, then merge")


def _count(folder: Path) -> int:
    """Return the number of shards that was used last, 0 if it is unknown."""
    try:
        count = json.loads(shards_path(folder).read_text(encoding="utf-8"))["count"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return count if type(count) is int and 1 <= count <= MAX_SHARDS else 0

"""What can be chosen: how text is read and encoded, and what is generated."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqforge import OptionsError, flag

__all__ = ["TextOptions", "TextRequest"]

PAIRS = re.compile(r"|tsv|[^\W_]+-[^\W_]+")
"""The allowed values of `pairs`."""
MAX_VOCABULARY = 1_000_000


@dataclass(frozen=True)
class TextOptions:
    """How text is read and encoded.

    >>> TextOptions(level="word").piece
    'file'
    """

    level: Literal["char", "byte", "word"] = flag("char", help="Encode text as characters, UTF-8 bytes or words.")
    piece: Literal["file", "paragraph", "line"] = flag("file", help="Read each file, paragraph or line as one piece.")
    pairs: str = flag(
        "",
        help="Read pairs of a source and a target, such as a text and its translation. tsv: lines SOURCE, tab, TARGET;"
        " de-en: the same lines of NAME.de and NAME.en.",
        unit="SUFFIXES",
    )

    max_vocabulary: int = flag(
        50_000, help="With --level word: the largest number of words; other words are spelt with characters."
    )

    def __post_init__(self) -> None:
        if not 1 <= self.max_vocabulary <= MAX_VOCABULARY:
            raise OptionsError.invalid("max_vocabulary", self.max_vocabulary, f"from 1 to {MAX_VOCABULARY:,}")
        if not PAIRS.fullmatch(self.pairs):
            allowed = "tsv, or the suffixes of source and target, such as de-en"
            raise OptionsError.invalid("pairs", self.pairs, allowed)

    @property
    def pair_suffixes(self) -> tuple[str, str] | None:
        """The suffixes of source and target files; None if there are no parallel files."""
        source, separator, target = self.pairs.partition("-")
        return (f".{source}", f".{target}") if separator else None


@dataclass(frozen=True)
class TextRequest:
    r"""What text is generated.

    >>> TextRequest(prompt="ROMEO:\n").prompt_file is None
    True
    """

    prompt: str = flag("", help="Text to start with. It is used literally; no escapes are interpreted.", unit="TEXT")
    prompt_file: Path | None = flag(None, help="File with the text to start with; - is standard input.", unit="FILE")
    infill: str = flag(
        "",
        help="Rewrite these lines of a text: poem.txt:3-4,9. Each follows from the text before it.",
        unit="FILE:LINES",
    )
    source: str = flag("", help="Text to translate, for a model of pairs.", unit="TEXT")
    source_file: Path | None = flag(
        None, help="File with one text to translate per line; - is standard input.", unit="FILE"
    )

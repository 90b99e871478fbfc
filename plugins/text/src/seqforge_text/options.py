"""What can be chosen: how text is read and encoded, and what is generated."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqforge import flag

__all__ = ["TextOptions", "TextRequest"]


@dataclass(frozen=True)
class TextOptions:
    """How text is read and encoded.

    >>> TextOptions(level="word").piece
    'file'
    """

    level: Literal["char", "byte", "word"] = flag("char", help="Encode text as characters, UTF-8 bytes or words.")
    piece: Literal["file", "paragraph", "line"] = flag("file", help="Read each file, paragraph or line as one piece.")


@dataclass(frozen=True)
class TextRequest:
    r"""What text is generated.

    >>> TextRequest(prompt="ROMEO:\n").prompt_file is None
    True
    """

    prompt: str = flag("", help="Text to start with. It is used literally; no escapes are interpreted.", unit="TEXT")
    prompt_file: Path | None = flag(None, help="File with the text to start with; - is standard input.", unit="FILE")

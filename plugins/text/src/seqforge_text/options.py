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

    level: Literal["char", "byte", "word"] = flag("char", help="What one step of the network is.")
    piece: Literal["file", "paragraph", "line"] = flag(
        "file", help="What one piece is. The network starts each piece with an empty memory."
    )


@dataclass(frozen=True)
class TextRequest:
    r"""What text is generated.

    >>> TextRequest(prompt="ROMEO:\n").prompt_file is None
    True
    """

    prompt: str = flag("", help="Text to start with. It is used literally; no escapes are interpreted.", unit="TEXT")
    prompt_file: Path | None = flag(None, help="File with the text to start with; - reads standard input.")
